package story

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/topology"
)

// guarded is a server with a user who may all, and one who may publish to what is listed.
func guarded(t *testing.T, may ...string) (admin, reader jetstream.JetStream) {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Users: []*server.User{
			{Username: "admin", Password: "a"},
			{Username: "reader", Password: "r", Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: may},
				Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	connect := func(user, password string) jetstream.JetStream {
		nc, err := nats.Connect(s.ClientURL(), nats.UserInfo(user, password), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		return js
	}
	return connect("admin", "a"), connect("reader", "r")
}

// stageOn is a stage on servers of its own.
func stageOn(t *testing.T, js jetstream.JetStream) *stage {
	t.Helper()
	if _, err := topology.Ensure(t.Context(), js, topology.Settings{}); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	return &stage{t, js, claim.New(rdb, "test", time.Hour, time.Minute)}
}

var (
	readBilling = []string{"$JS.API.STREAM.INFO.BILLING", "$JS.API.DIRECT.GET.BILLING"}
	readLinks   = []string{"$JS.API.STREAM.INFO.LINKS", "$JS.API.DIRECT.GET.LINKS"}
)

// What this user may not read is named with the right that is missing, the rest is told, and soon.
func TestWhatMayNotBeRead(t *testing.T) {
	for _, tt := range []struct {
		name        string
		may         []string
		flushed     bool
		whats, says string
		outcome     Outcome
		gaps        []string
	}{
		{name: "all that is named", may: append(readBilling, readLinks...), whats: "arrived recorded link_created", outcome: OutcomeTold},
		{name: "links alone", may: readLinks, whats: "arrived recorded link_created", outcome: OutcomeTold,
			says: "one link, told once", gaps: []string{"billing: the stream BILLING cannot be read: this NATS user has no right to publish to $JS.API.STREAM.INFO.BILLING"}},
		{name: "billing alone", may: readBilling, whats: "arrived recorded", outcome: OutcomeTold,
			says: "as Redis says", gaps: []string{"links: the stream LINKS cannot be read: this NATS user has no right to publish to $JS.API.STREAM.INFO.LINKS"}},
		{name: "no message", may: []string{"$JS.API.STREAM.INFO.>"}, whats: "arrived recorded", outcome: OutcomeTold, gaps: []string{
			"billing: the stream BILLING cannot be read: this NATS user has no right to publish to $JS.API.DIRECT.GET.BILLING",
			"links: the stream LINKS cannot be read: this NATS user has no right to publish to $JS.API.DIRECT.GET.LINKS"}},
		{name: "a search", may: append(readBilling, readLinks...), flushed: true, whats: "arrived link_created", outcome: OutcomeTold,
			says: "one link, told once", gaps: []string{
				"billing: how far the worker is with invoice.issued cannot be read: this NATS user has no right to publish to $JS.API.CONSUMER.INFO.BILLING.linkworker-invoices",
				"deadletters: the stream DEADLETTERS cannot be read: this NATS user has no right to publish to $JS.API.STREAM.INFO.DEADLETTERS"}},
		{name: "no search", may: []string{"$JS.API.STREAM.INFO.>"}, flushed: true, outcome: OutcomeNever,
			says: "never seen in what could be read", gaps: []string{
				"billing: the stream BILLING cannot be read: this NATS user has no right to publish to $JS.API.DIRECT.GET.BILLING",
				"$JS.API.DIRECT.GET.LINKS"}},
		{name: "nothing", may: []string{"something.else"}, flushed: true, outcome: OutcomeNever, gaps: []string{"$JS.API.STREAM.INFO.BILLING", "$JS.API.STREAM.INFO.LINKS", "$JS.API.STREAM.INFO.DEADLETTERS"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			admin, reader := guarded(t, tt.may...)
			s := stageOn(t, admin)
			s.link(s.issue("inv-1"), false)
			claims := s.claims
			if tt.flushed {
				claims = stageOn(t, admin).claims
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			told := Sources{NATS: reader, Claims: claims}.Tell(ctx, Question{Token: "inv-1"})
			if ctx.Err() != nil {
				t.Error("it took too long")
			}
			var whats []string
			for _, f := range told.Facts {
				whats = append(whats, string(f.What))
			}
			gaps := ""
			for _, g := range told.Gaps {
				gaps += string(g.Place) + ": " + g.Why + "\n"
			}
			if strings.Join(whats, " ") != tt.whats || told.Verdict.Outcome != tt.outcome || !strings.Contains(told.Verdict.Text, tt.says) {
				t.Errorf("%q, %+v", whats, told.Verdict)
			}
			for _, gap := range tt.gaps {
				if !strings.Contains(gaps, gap) {
					t.Errorf("%s does not say %s", gaps, gap)
				}
			}
			if len(tt.gaps) == 0 && len(told.Gaps) > 0 {
				t.Errorf("gaps %s", gaps)
			}
		})
	}
}

// Each place is told of alone.
func TestPlacesAlone(t *testing.T) {
	admin, _ := guarded(t)
	s := stageOn(t, admin)
	s.link(s.issue("inv-1"), false)
	told := Sources{Claims: s.claims, Missing: []Gap{{Place: PlaceBilling, Why: "no connection"}}}.Tell(t.Context(), Question{Token: "inv-1"})
	if told.Verdict.Outcome != OutcomeTold || len(told.Read) != 1 || len(told.Gaps) != 1 || len(told.Facts) != 2 {
		t.Errorf("Redis alone: %+v", told)
	}
	told = Sources{NATS: admin}.Tell(t.Context(), Question{Token: "inv-1"})
	if len(told.Read) != 3 || len(told.Facts) != 2 || !strings.HasPrefix(told.Verdict.Text, "one link, told once") {
		t.Errorf("NATS alone: %+v", told)
	}
	told = Sources{}.Tell(t.Context(), Question{Token: "inv-1"})
	if told.Verdict.Outcome != OutcomeUnclear || told.Verdict.Text != "nothing could be read" || len(told.Read) != 0 {
		t.Errorf("nothing: %+v", told)
	}
}

// Streams of other names, and a stream for each subject.
func TestStreamsOfOtherNames(t *testing.T) {
	admin, _ := guarded(t)
	for name, subject := range map[string]string{
		"SHOP": events.SubjectInvoiceIssued, "VISITS": events.SubjectSessionRequested, "CREATED": events.SubjectLinkCreated,
		"FAILED": events.SubjectLinkFailed, "DEAD": events.DeadLetterPrefix + ">",
	} {
		_, err := admin.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}, Duplicates: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := stageOn(t, admin)
	s.link(s.issue("inv-1"), false)
	for _, claims := range []*claim.Store{s.claims, nil} {
		told := Sources{NATS: admin, Claims: claims}.Tell(t.Context(), Question{Token: "inv-1"})
		if len(told.Gaps) != 0 || !strings.HasPrefix(told.Verdict.Text, "one link, told once") {
			t.Errorf("%+v", told)
		}
	}
}
