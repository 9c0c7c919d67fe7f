package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/testenv"
)

// TestEachUnderItsList runs every command as the user whose it is, with the rights of deploy/nats-users.conf and no other,
// and then looks that each of these rights was needed.
func TestEachUnderItsList(t *testing.T) {
	allowed := permissions(t)
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		s := newStaff(t, env, conomytest.Options{SessionTTL: time.Second})
		s.provisions()
		w := s.process()
		s.produces()
		s.notifies()
		ids := s.buries()
		s.reads("reader", ids)
		s.readsPart(ids)
		s.reads("operator", ids)
		s.mends(ids)
		w = s.takesOver(w)
		s.asksAgain()
		if log := w.log.String(); strings.Contains(log, "a right is missing") {
			t.Errorf("the worker misses a right:\n%s", log)
		}
		for _, role := range roles {
			if unused := s.unused(role, allowed[role].Publish.Allow); len(unused) > 0 {
				t.Errorf("%s may publish to what it has not: %q", role, unused)
			}
			if got, want := allowed[role].Subscribe.Allow, "_INBOX_"+role+".>"; len(got) != 1 || got[0] != want {
				t.Errorf("%s may subscribe to %q, want %q", role, got, want)
			}
		}
	})
}

// provisions makes all that there has to be, the notifier's consumer too, in both ways in which it may be asked for.
func (s *staff) provisions() {
	s.t.Helper()
	if made := s.can("operator", "", "provision"); strings.Count(made, " made ") != 5 {
		s.t.Errorf("provision made\n%s", made)
	}
	s.can("operator", "", "provision", "--check")
	s.can("operator", "", "provision") // nothing is left to be made
	ctx, operator := s.t.Context(), s.connect("operator", func(err error) { s.t.Error(err) })
	one := jetstream.ConsumerConfig{Durable: "mailer", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: events.SubjectLinkCreated}
	if _, err := operator.CreateConsumer(ctx, events.StreamLinks, one); err != nil {
		s.t.Fatal(err)
	}
	if err := s.js.DeleteConsumer(ctx, events.StreamLinks, one.Durable); err != nil {
		s.t.Fatal(err)
	}
	both := one
	both.FilterSubject, both.FilterSubjects = "", []string{events.SubjectLinkCreated, events.SubjectLinkFailed}
	if _, err := operator.CreateConsumer(ctx, events.StreamLinks, both); err != nil {
		s.t.Fatal(err)
	}
	if _, err := operator.Consumer(ctx, events.StreamLinks, both.Durable); err != nil {
		s.t.Fatal(err)
	}
}

// produces has an invoice and a session asked for, and made.
func (s *staff) produces() {
	s.t.Helper()
	s.can("producer", invoiceOf("inv-1", "10"), "emit", "invoice")
	s.can("producer", sessionOf("inv-1"), "emit", "session")
	s.told(2)
}

func sessionOf(token string) string {
	return fmt.Sprintf(`{"checkoutToken":%q,"customer":{"email":"jane@example.com"}}`, token)
}

// told waits until so many link.created are told, and all events have ended.
func (s *staff) told(n int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%d link.created", n), func() bool {
		created, _ := s.results()
		return len(created) >= n && s.idle()
	})
	created, _ := s.results()
	s.once(created)
	if len(created) != n {
		s.t.Errorf("%d link.created, want %d", len(created), n)
	}
}

// notifies hears of both, as a person and as a program does.
func (s *staff) notifies() {
	s.t.Helper()
	if told := s.can("notifier", "", "tail", "--all", "--limit", "2"); strings.Count(told, "inv-1") < 2 {
		s.t.Errorf("tail printed\n%s", told)
	}
	s.can("notifier", "", "tail", "--since", "1h", "--limit", "1")
	ctx, stop := context.WithTimeout(s.t.Context(), patience)
	defer stop()
	heard := 0
	n := events.NewNotifier(s.connect("notifier", func(err error) { s.t.Error(err) }), "mailer", events.NewMemorySeen(10),
		func(context.Context, events.Notice) error {
			if heard++; heard == 2 {
				stop()
			}
			return nil
		})
	if err := n.Run(ctx); err != nil || heard != 2 {
		s.t.Errorf("%d heard, error %v", heard, err)
	}
}

// buries has dead letters of all sorts made, and returns their ids by token.
func (s *staff) buries() map[string]string {
	s.t.Helper()
	s.refuse()
	s.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreateCheckoutSession}, conomytest.Failure(422))
	for _, token := range []string{"inv-2", "inv-3", "inv-4"} {
		s.can("producer", invoiceOf(token, "10"), "emit", "invoice")
	}
	s.can("producer", sessionOf("inv-1"), "emit", "session") // of another customer's wish: it has no requestId
	// A letter has more headers than its event, which fills all that the server takes.
	if _, err := s.js.PublishMsg(s.t.Context(), &nats.Msg{
		Subject: events.SubjectInvoiceIssued, Data: []byte(`{"checkoutToken":"large"}` + strings.Repeat(" ", 1<<20-200)),
	}); err != nil {
		s.t.Fatal(err)
	}
	s.awaitLetters(5)
	s.allow()
	ids := map[string]string{}
	for id, l := range s.letters() {
		ids[l.Token] = idText(id)
	}
	return ids
}

// reads looks at dead letters and changes nothing.
func (s *staff) reads(role string, ids map[string]string) {
	s.t.Helper()
	if all := s.can(role, "", "dlq", "ls"); strings.Count(all, "inv-") != 4 {
		s.t.Errorf("%s: dlq ls printed\n%s", role, all)
	}
	s.can(role, "", "dlq", "ls", "--since", "1h", "--token", "inv-*", "-o", "json")
	s.can(role, "", "dlq", "ls", "--group", "reason,code,detail")
	if whole := s.can(role, "", "dlq", "show", ids["inv-2"]); !strings.Contains(whole, `"checkoutToken": "inv-2"`) {
		s.t.Errorf("%s: dlq show printed\n%s", role, whole)
	}
	s.can(role, "", "dlq", "show", ids["inv-2"], "-o", "json")
}

// mends does all that can be done with dead letters, and looks at what came of it.
func (s *staff) mends(ids map[string]string) {
	s.t.Helper()
	if whole := s.can("operator", "", "dlq", "show", ids["large"]); !strings.Contains(whole, "Body, from BILLING") {
		s.t.Errorf("dlq show printed %.2000s", whole)
	}
	s.can("operator", "", "dlq", "replay", "--all", "--dry-run")
	s.can("operator", "", "dlq", "replay", ids["inv-2"], "--wait", heard)
	s.can("operator", "", "dlq", "replay", ids["inv-1"], "--wait", heard)
	s.can("operator", "", "dlq", "edit", ids["inv-3"], "--set", "items[0].description=Plan A", "--wait", heard)
	s.can("operator", "", "dlq", "discard", ids["inv-4"], "--yes")
	s.told(2 + 3)
	s.can("operator", "", "tail", "--all", "--limit", "1")
	for _, args := range [][]string{{"explain", "inv-2"}, {"explain", "inv-2", "--since", "1h"}} {
		if story := s.can("operator", "", append(args, "--vendor=false")...); strings.Count(story, "not read: ") != 1 {
			s.t.Errorf("explain printed\n%s", story)
		}
	}
}

// readsPart is what a reader is told where it may read a part only.
func (s *staff) readsPart(ids map[string]string) {
	s.t.Helper()
	const lacks = "this NATS user has no right to publish to $JS.API.STREAM.INFO.BILLING"
	r := s.run("reader", "", "dlq", "show", ids["large"])
	if r.code != exitFailed || !strings.Contains(r.stdout, "not read from BILLING") || !strings.Contains(r.stderr, lacks) {
		s.t.Errorf("dlq show: exit code %d\n%.2000s\n%s", r.code, r.stdout, r.stderr)
	}
	r = s.run("reader", "", "dlq", "show", ids["large"], "-o", "json")
	if r.code != exitFailed || !strings.Contains(r.stdout, `"bodyUnread":"`+lacks) || strings.Contains(r.stdout, `"body":`) {
		s.t.Errorf("dlq show: exit code %d\n%.2000s\n%s", r.code, r.stdout, r.stderr)
	}
	story := s.can("reader", "", "explain", "inv-2", "--vendor=false")
	for _, text := range []string{"DEADLETTERS 1 ", "STREAM.INFO.BILLING", "STREAM.INFO.LINKS"} {
		if !strings.Contains(story, text) {
			s.t.Errorf("explain does not say %q:\n%s", text, story)
		}
	}
}

// takesOver has a worker end between two tries of an event, and the event vanish: the next worker has to look for it.
func (s *staff) takesOver(w *process) *process {
	s.t.Helper()
	failure := conomytest.Failure(500)
	failure.Always = true
	s.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}, failure)
	ack, err := s.js.Publish(s.t.Context(), events.SubjectInvoiceIssued, []byte(invoiceOf("inv-5", "10")))
	if err != nil {
		s.t.Fatal(err)
	}
	s.eventually("it is tried", func() bool { return s.vendor.Creates("inv-5") > 0 })
	if err := w.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := w.Wait(); err != nil {
		s.t.Fatal(err)
	}
	billing, err := s.js.Stream(s.t.Context(), events.StreamBilling)
	if err == nil {
		err = billing.DeleteMsg(s.t.Context(), ack.Sequence)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.allow()
	s.can("producer", invoiceOf("inv-5", "20"), "emit", "invoice")
	log := w.log.String()
	w = s.process()
	_, _ = w.log.Write([]byte(log))
	s.told(2 + 3 + 1)
	return w
}

// asksAgain has the same session asked for again after Redis has forgotten it and it has expired: the worker has to look
// what its link.created says.
func (s *staff) asksAgain() {
	s.t.Helper()
	ask := func() {
		if _, err := s.js.Publish(s.t.Context(), events.SubjectSessionRequested, []byte(sessionOf("inv-1"))); err != nil {
			s.t.Fatal(err)
		}
	}
	ask()
	s.told(2 + 3 + 1 + 1)
	s.eventually("the session has expired", func() bool {
		sessions := s.vendor.Sessions()
		return time.Now().After(sessions[len(sessions)-1].ExpiresAt)
	})
	s.env.FlushRedis(s.t)
	ask()
	s.told(2 + 3 + 1 + 2)
}
