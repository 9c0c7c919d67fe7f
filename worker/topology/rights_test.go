package topology

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// What the package comment says that a worker needs when all is in place.
var (
	seeStreams   = []string{"$JS.API.STREAM.INFO.BILLING", "$JS.API.STREAM.INFO.LINKS", "$JS.API.STREAM.INFO.DEADLETTERS"}
	seeConsumers = []string{"$JS.API.CONSUMER.INFO.BILLING.linkworker-invoices", "$JS.API.CONSUMER.INFO.BILLING.linkworker-sessions"}
	work         = []string{
		"$JS.API.CONSUMER.MSG.NEXT.BILLING.linkworker-invoices", "$JS.API.CONSUMER.MSG.NEXT.BILLING.linkworker-sessions",
		"$JS.ACK.BILLING.linkworker-invoices.>", "$JS.ACK.BILLING.linkworker-sessions.>",
		"link.created", "link.failed", "deadletter.>",
	}
	find = []string{"$JS.API.STREAM.NAMES"}
)

// guarded is a server with a user "admin", who may all, and a user "worker", who
// may publish to what is listed.
func guarded(t *testing.T, may ...[]string) (admin, worker jetstream.JetStream) {
	t.Helper()
	var allowed []string
	for _, some := range may {
		allowed = append(allowed, some...)
	}
	s := run(t, server.Options{JetStream: true, Users: []*server.User{
		{Username: "admin", Password: "a"},
		{Username: "worker", Password: "w", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: allowed},
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
		}},
	}})
	return connect(t, s.ClientURL(), nats.UserInfo("admin", "a")), connect(t, s.ClientURL(), nats.UserInfo("worker", "w"))
}

func TestNoRightToMakeIsNeededWhereAllExists(t *testing.T) {
	admin, worker := guarded(t, seeStreams, seeConsumers, work)
	ensure(t, admin, Settings{})
	found := ensure(t, worker, Settings{})
	if len(found.Findings) > 0 {
		t.Errorf("findings %v", found.Findings)
	}
	if _, err := admin.Publish(testContext(t), events.SubjectInvoiceIssued, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	msg, err := found.Consumers[events.SubjectInvoiceIssued].Next(jetstream.FetchMaxWait(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.DoubleAck(testContext(t)); err != nil {
		t.Error(err)
	}
	for _, subject := range subjects()[2:] {
		if _, err := worker.Publish(testContext(t), subject, nil); err != nil {
			t.Errorf("publishing to %s: %v", subject, err)
		}
	}
}

func TestWhatIsDeniedIsNamed(t *testing.T) {
	all := jetstream.StreamConfig{Name: "SHOP", Subjects: []string{"invoice.issued", "session.requested"}, MaxAge: defaultAge}
	for _, tt := range []struct {
		name  string
		may   [][]string
		setUp func(*testing.T, jetstream.JetStream)
		says  []string
	}{
		{name: "making a stream", may: [][]string{seeStreams, seeConsumers, find},
			says: []string{"stream BILLING is missing", "publish to $JS.API.STREAM.CREATE.BILLING", "linkworker provision"}},
		{name: "making a consumer", may: [][]string{seeStreams, seeConsumers},
			setUp: func(t *testing.T, admin jetstream.JetStream) {
				for _, r := range roles {
					makeStream(t, admin, good(r))
				}
			},
			says: []string{"consumer linkworker-invoices is missing", "publish to $JS.API.CONSUMER.CREATE.BILLING.linkworker-invoices", "linkworker provision"}},
		{name: "looking at a stream", may: [][]string{seeConsumers},
			says: []string{"stream BILLING cannot be looked up", "publish to $JS.API.STREAM.INFO.BILLING", "grant"}},
		{name: "looking at a consumer", may: [][]string{seeStreams},
			setUp: func(t *testing.T, admin jetstream.JetStream) { ensure(t, admin, Settings{}) },
			says:  []string{"consumer linkworker-invoices cannot be looked up", "publish to $JS.API.CONSUMER.INFO.BILLING.linkworker-invoices"}},
		{name: "finding a stream of another name", may: [][]string{seeStreams, seeConsumers},
			setUp: func(t *testing.T, admin jetstream.JetStream) { makeStream(t, admin, all) },
			says:  []string{"the stream that carries invoice.issued", "publish to $JS.API.STREAM.NAMES", "linkworker provision"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			admin, worker := guarded(t, tt.may...)
			if tt.setUp != nil {
				tt.setUp(t, admin)
			}
			// The server answers nothing to what it denies, and yet nobody waits.
			_, err := Ensure(testContext(t), worker, Settings{})
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Fatalf("error %v", err)
			}
			for _, text := range tt.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q does not say %q", err, text)
				}
			}
		})
	}
}

// A user who may ask and hear no answer is told at once, and not that NATS does not answer.
func TestDeniedInboxIsNamed(t *testing.T) {
	s := run(t, server.Options{JetStream: true, Users: []*server.User{{Username: "worker", Password: "w", Permissions: &server.Permissions{
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_worker.>"}},
	}}}})
	worker := connect(t, s.ClientURL(), nats.UserInfo("worker", "w"))
	_, err := Inspect(testContext(t), worker, Settings{})
	if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), "no right to subscribe to _INBOX.>") ||
		!strings.Contains(err.Error(), "NATS_INBOX_PREFIX") {
		t.Errorf("error %v", err)
	}
	own := connect(t, s.ClientURL(), nats.UserInfo("worker", "w"), nats.CustomInboxPrefix("_INBOX_worker"))
	if _, err := Inspect(testContext(t), own, Settings{}); err != nil {
		t.Error(err)
	}
}

func TestNATSThatDoesNotAnswer(t *testing.T) {
	s := run(t, server.Options{JetStream: true})
	js := connect(t, s.ClientURL(), nats.MaxReconnects(-1))
	s.Shutdown()
	s.WaitForShutdown()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Ensure(ctx, js, Settings{})
	if err == nil || !strings.Contains(err.Error(), "stream BILLING cannot be looked up") {
		t.Errorf("error %v", err)
	}
}

func TestAPIPrefix(t *testing.T) {
	nc := connect(t, run(t, server.Options{JetStream: true}).ClientURL()).Conn()
	inDomain, err := jetstream.NewWithDomain(nc, "hub")
	if err != nil {
		t.Fatal(err)
	}
	imported, err := jetstream.NewWithAPIPrefix(nc, "billing.js")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for want, js := range map[string]jetstream.JetStream{"$JS.API.": plain, "$JS.hub.API.": inDomain, "billing.js.": imported} {
		if got := (asker{js: js}).prefix(); got != want {
			t.Errorf("prefix %q, want %q", got, want)
		}
	}
}
