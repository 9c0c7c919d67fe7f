package rights

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// What a real server says to a user who may do nothing but one thing.
func TestRead(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Users: []*server.User{{
		Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"a"}}, Subscribe: &server.SubjectPermission{Allow: []string{"a"}},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	for _, c := range []struct {
		name, prefix string
		do           func(*nats.Conn) error
		want         Missing
	}{
		{"publish", "", func(nc *nats.Conn) error { return nc.Publish("b.c", nil) }, Missing{Publish, "b.c", false}},
		{"subscribe", "", func(nc *nats.Conn) error { _, err := nc.SubscribeSync("b.>"); return err }, Missing{Subscribe, "b.>", false}},
		{"queue", "", func(nc *nats.Conn) error { _, err := nc.QueueSubscribeSync("b.*", "q"); return err }, Missing{Subscribe, "b.*", false}},
		{"inbox", "", func(nc *nats.Conn) error { _, err := nc.SubscribeSync(nc.NewInbox()); return err }, Missing{Subscribe, "_INBOX.>", true}},
		{"own inbox", "in.u", func(nc *nats.Conn) error { _, err := nc.SubscribeSync(nc.NewInbox()); return err }, Missing{Subscribe, "in.u.>", true}},
		{"other inbox", "in.u", func(nc *nats.Conn) error { _, err := nc.SubscribeSync("_INBOX.x"); return err }, Missing{Subscribe, "_INBOX.x", false}},
		{"request", "", func(nc *nats.Conn) error { return nc.PublishRequest("b", nc.NewInbox(), nil) }, Missing{Publish, "b", false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := []nats.Option{nats.UserInfo("u", "p")}
			if c.prefix != "" {
				options = append(options, nats.CustomInboxPrefix(c.prefix))
			}
			met := make(chan error, 16)
			options = append(options, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { met <- err }))
			nc, err := nats.Connect(s.ClientURL(), options...)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			if err := c.do(nc); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-met:
				got := Read(nc, err)
				if got == nil || *got != c.want {
					t.Errorf("%v: %+v, want %+v", err, got, c.want)
				}
				if !errors.Is(got, nats.ErrPermissionViolation) {
					t.Error("it does not say what it is")
				}
			case <-time.After(20 * time.Second):
				t.Fatal("no complaint")
			}
		})
	}
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("u", "p"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, err := range []error{nil, nats.ErrTimeout, errors.New(`Publish to "x"`)} {
		if got := Read(nc, err); got != nil {
			t.Errorf("%v: %+v", err, got)
		}
	}
}
