package rights

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// restricted connects to a server as a user who may do nothing but one thing.
func restricted(t *testing.T, options ...nats.Option) *nats.Conn {
	t.Helper()
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
	nc, err := nats.Connect(s.ClientURL(), append(options, nats.UserInfo("u", "p"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// What a real server says.
func TestRead(t *testing.T) {
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
			var options []nats.Option
			if c.prefix != "" {
				options = append(options, nats.CustomInboxPrefix(c.prefix))
			}
			met := make(chan error, 16)
			options = append(options, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { met <- err }))
			nc := restricted(t, options...)
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
	nc := restricted(t)
	for _, err := range []error{nil, nats.ErrTimeout, errors.New(`Publish to "x"`)} {
		if got := Read(nc, err); got != nil {
			t.Errorf("%v: %+v", err, got)
		}
	}
}

// A question that is refused ends at once with the right that is missing, and not with how it ended; one that is answered
// does not, whatever was refused before.
func TestHeed(t *testing.T) {
	nc, quiet := restricted(t), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	if err := quiet(&nc.Opts); err != nil {
		t.Fatal(err)
	}
	wait := func(subject string) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := nc.Publish(subject, nil); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}
	}
	for _, subject := range []string{"b", "b", "c"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := Heed(ctx, nc, wait(subject))
		cancel()
		var missing *Missing
		if !errors.As(err, &missing) || missing.Subject != subject {
			t.Errorf("%s: %v", subject, err)
		}
	}
	if err := Heed(t.Context(), nc, func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Heed(ctx, nc, wait("a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody refused: %v", err)
	}
	// It ends for a reason of its own, and the complaint comes before anybody has looked.
	own := errors.New("own")
	err := Heed(t.Context(), nc, func(context.Context) error {
		if err := nc.Publish("b", nil); err != nil {
			return err
		}
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			if m := Read(nc, nc.LastError()); m != nil && m.Subject == "b" {
				return own
			}
		}
		return own
	})
	if !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("it ended with %v", err)
	}
	// Whoever asks may have heard the complaint, too, and have ended it.
	parent, end := context.WithCancel(t.Context())
	err = Heed(parent, nc, func(ctx context.Context) error {
		if err := nc.Publish("d", nil); err != nil {
			return err
		}
		for m := Read(nc, nc.LastError()); m == nil || m.Subject != "d"; m = Read(nc, nc.LastError()) {
			time.Sleep(time.Millisecond)
		}
		end()
		return ctx.Err()
	})
	if !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("it ended with %v", err)
	}
}
