package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/rights"
	"github.com/linkworker/linkworker/worker/testenv"
)

// soon is how quickly a command must say that a right is missing. Without looking for the server's complaint each would
// wait for longer: ten seconds for an acknowledgement, five for an answer of JetStream and then again.
const soon = 4 * time.Second

// TestNobodyDoesOthersMatters runs commands as users who may not run them: each says soon which right is missing, and
// nothing is changed.
func TestNobodyDoesOthersMatters(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		s := newStaff(t, env, conomytest.Options{})
		for role, command := range map[string]string{"worker": "run", "notifier": "tail", "reader": "dlq ls"} { // there are no streams
			r := s.run(role, "", strings.Fields(command)...)
			s.refused(role, command, r, "publish to $JS.API.STREAM.NAMES")
			if !strings.Contains(r.stderr, "linkworker provision") {
				t.Errorf("%s: %s", role, r.stderr)
			}
		}
		s.provisions()
		letter := s.letter()
		s.foreignInboxes()
		before := s.state()
		invoice := invoiceOf("inv-9", "10")
		for _, c := range []struct{ role, stdin, command, right string }{
			{"reader", "", "dlq discard 1 --yes", "publish to $JS.API.STREAM.MSG.DELETE.DEADLETTERS"},
			{"reader", "", "dlq discard --reason rejected --yes", "publish to $JS.API.STREAM.MSG.DELETE.DEADLETTERS"},
			{"reader", "", "dlq replay 1", "publish to invoice.issued"},
			{"reader", "", "dlq replay --all --yes", "publish to invoice.issued"},
			{"reader", "", "dlq replay 1 --wait 30s", "publish to $JS.API.STREAM.INFO.LINKS"},
			{"reader", "", "dlq edit 1 --set items[0].description=x", "publish to invoice.issued"},
			{"reader", "", "dlq ls --stream BILLING", "publish to $JS.API.STREAM.INFO.BILLING"},
			{"reader", invoice, "emit invoice", "publish to invoice.issued"},
			{"reader", "", "tail", "publish to $JS.API.STREAM.INFO.LINKS"},
			{"reader", "", "provision --check", "publish to $JS.API.STREAM.INFO.BILLING"},
			{"reader", "", "run", "publish to $JS.API.STREAM.INFO.BILLING"},
			{"notifier", "", "dlq ls", "publish to $JS.API.STREAM.INFO.DEADLETTERS"},
			{"notifier", "", "dlq show 1", "publish to $JS.API.STREAM.INFO.DEADLETTERS"},
			{"notifier", "", "dlq ls --stream LINKS", ""}, // there are no letters in it, and so none is shown
			{"notifier", "", "dlq ls --stream BILLING", "publish to $JS.API.STREAM.INFO.BILLING"},
			{"notifier", invoice, "emit invoice", "publish to invoice.issued"},
			{"notifier", "", "provision", "publish to $JS.API.STREAM.INFO.BILLING"},
			{"notifier", "", "run", "publish to $JS.API.STREAM.INFO.BILLING"},
			{"producer", "", "tail", "publish to $JS.API.STREAM.INFO.LINKS"},
			{"producer", "", "dlq ls", "publish to $JS.API.STREAM.INFO.DEADLETTERS"},
			{"producer", "", "provision --check", "publish to $JS.API.STREAM.INFO.BILLING"},
			{"producer", "", "run", "publish to $JS.API.STREAM.INFO.BILLING"},
			{"worker", "", "dlq discard 1 --yes", "publish to $JS.API.DIRECT.GET.DEADLETTERS"},
			{"worker", "", "dlq ls", "publish to $JS.API.DIRECT.GET.DEADLETTERS"},
			{"worker", invoice, "emit invoice", "publish to invoice.issued"},
		} {
			r := s.run(c.role, c.stdin, strings.Fields(c.command)...)
			if c.right == "" {
				if r.code != exitDone || r.stdout != "" || r.stderr != "there are no dead letters\n" {
					t.Errorf("%s: %s: %+v", c.role, c.command, r)
				}
				continue
			}
			s.refused(c.role, c.command, r, c.right)
			if strings.HasPrefix(c.command, "provision") && !strings.Contains(r.stderr, "stream BILLING cannot be looked up") {
				t.Errorf("%s: %s", c.command, r.stderr)
			}
		}
		s.foreignMatters()
		if after := s.state(); after != before {
			t.Errorf("something was changed: %s, was %s", after, before)
		}
		if got := s.letters()[1]; got == nil || got.Token != letter {
			t.Errorf("letter %+v", got)
		}
	})
}

// refused holds a command to having said soon what right is missing and what to do.
func (s *staff) refused(role, command string, r ran, right string) {
	s.t.Helper()
	says := "this NATS user has no right to " + right
	if r.code != exitFailed || r.took > soon || !regexp.MustCompile(regexp.QuoteMeta(says)+`[;:]`).MatchString(r.stderr) ||
		!strings.Contains(r.stderr, "grant") || strings.Contains(r.stderr, "context") {
		s.t.Errorf("%s: linkworker %s: exit code %d after %v, want %s\n%s", role, command, r.code, r.took, says, r.stderr)
	}
}

// letter puts a dead letter and returns its token.
func (s *staff) letter() string {
	s.t.Helper()
	w := s.process()
	s.refuse()
	s.can("producer", invoiceOf("inv-1", "10"), "emit", "invoice")
	s.awaitLetters(1)
	w.kill()
	return "inv-1"
}

// state is how many messages each stream has had, and has.
func (s *staff) state() (all string) {
	s.t.Helper()
	for _, name := range []string{events.StreamBilling, events.StreamLinks, events.StreamDeadLetters} {
		stream, err := s.js.Stream(s.t.Context(), name)
		if err != nil {
			s.t.Fatal(err)
		}
		state := stream.CachedInfo().State
		all += fmt.Sprintf("%s %d of %d, %d consumers; ", name, state.Msgs, state.LastSeq, state.Consumers)
	}
	return all
}

// foreignInboxes: whoever does not say where its answers are to come to is told of that.
func (s *staff) foreignInboxes() {
	s.t.Helper()
	for role, command := range map[string]string{"producer": "emit invoice", "notifier": "tail", "worker": "run", "operator": "provision", "reader": "dlq ls"} {
		r := s.runWith(append(s.as(role), "NATS_INBOX_PREFIX="), invoiceOf("inv-9", "10"), strings.Fields(command)...)
		s.refused(role, command, r, "subscribe to _INBOX.>")
		if !strings.Contains(r.stderr, "set NATS_INBOX_PREFIX") {
			s.t.Errorf("%s: %s", role, r.stderr)
		}
	}
	for _, role := range roles {
		for _, subject := range []string{"_INBOX_worker.>", "_INBOX_reader.>", "_INBOX.>", "*.>", ">", "invoice.issued", "link.*", "$JS.API.>"} {
			if subject != "_INBOX_"+role+".>" {
				s.mayNot(role, "subscribe to "+subject, func(nc *nats.Conn, _ jetstream.JetStream) error {
					_, err := nc.SubscribeSync(subject)
					return err
				})
			}
		}
	}
}

// foreignMatters are those that no command has.
func (s *staff) foreignMatters() {
	s.t.Helper()
	publish := func(subject string) func(*nats.Conn, jetstream.JetStream) error {
		return func(nc *nats.Conn, _ jetstream.JetStream) error { return nc.Publish(subject, []byte("{}")) }
	}
	for _, role := range roles {
		subjects := []string{"$JS.API.STREAM.DELETE.BILLING", "$JS.API.STREAM.PURGE.DEADLETTERS", "$JS.API.STREAM.UPDATE.LINKS",
			"$JS.API.CONSUMER.DELETE.BILLING.linkworker-invoices", "$JS.API.STREAM.MSG.DELETE.BILLING", "$JS.API.CONSUMER.DURABLE.CREATE.BILLING.x",
			"$JS.API.CONSUMER.CREATE.DEADLETTERS.x", "$JS.API.CONSUMER.CREATE.BILLING.x", "$JS.API.STREAM.MSG.GET.BILLING", "$SYS.REQ.USER.INFO"}
		if role != "worker" {
			subjects = append(subjects, "link.created", "link.failed", "deadletter.invoice.issued", "deadletter.session.requested",
				"$JS.API.CONSUMER.MSG.NEXT.BILLING.linkworker-invoices", "$JS.ACK.BILLING.linkworker-invoices.1.1.1.1.0")
		}
		if role != "operator" {
			subjects = append(subjects, "$JS.API.STREAM.MSG.DELETE.DEADLETTERS", "$JS.API.STREAM.CREATE.BILLING", "$JS.API.CONSUMER.CREATE.LINKS.mailer",
				"$JS.API.CONSUMER.CREATE.BILLING.linkworker-invoices.invoice.issued")
		}
		if role != "operator" && role != "producer" {
			subjects = append(subjects, events.SubjectInvoiceIssued, events.SubjectSessionRequested)
		}
		if role != "operator" && role != "worker" {
			subjects = append(subjects, "$JS.API.DIRECT.GET.BILLING", "$JS.API.STREAM.INFO.BILLING")
		}
		if role == "reader" || role == "producer" {
			subjects = append(subjects, "$JS.API.DIRECT.GET.LINKS", "$JS.API.STREAM.INFO.LINKS")
		}
		for _, subject := range subjects {
			s.mayNot(role, "publish to "+subject, publish(subject))
		}
	}
}

// mayNot looks that the server complains.
func (s *staff) mayNot(role, right string, do func(*nats.Conn, jetstream.JetStream) error) {
	s.t.Helper()
	complained := make(chan error, 4)
	js := s.connect(role, func(err error) { complained <- err })
	defer js.Conn().Close()
	if err := do(js.Conn(), js); err != nil {
		s.t.Fatal(err)
	}
	if err := js.Conn().Flush(); err != nil {
		s.t.Fatal(err)
	}
	// What the server complains of comes before its answer to the flush.
	missing := rights.Read(js.Conn(), js.Conn().LastError())
	if missing == nil {
		s.t.Errorf("%s may %s", role, right)
	} else if missing.Right() != right {
		s.t.Errorf("%s may not %s, want %s", role, missing.Right(), right)
	}
}

// TestWorkerWithoutARight: what a worker lacks shows only when it is used; then it says so, once, and is not ready.
func TestWorkerWithoutARight(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		s := newStaff(t, env, conomytest.Options{})
		s.provisions()
		r := boot(t, append(s.as("operator"), "ADMIN_ADDR=127.0.0.1:0"), "run")
		const right = "publish to $JS.API.CONSUMER.MSG.NEXT.BILLING.linkworker-"
		until(t, "the missing rights in the log", func() bool {
			log := r.stderr.String()
			return strings.Contains(log, `"right":"`+right+`invoices"`) && strings.Contains(log, `"right":"`+right+`sessions"`)
		})
		addr := regexp.MustCompile(`"admin":"([^"]+)"`).FindStringSubmatch(r.stderr.String())
		if addr == nil {
			t.Fatalf("no address in %s", r.stderr)
		}
		response, err := http.Get("http://" + addr[1] + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "nats: no right to "+right+"invoices") {
			t.Errorf("%d: %s, error %v", response.StatusCode, body, err)
		}
		if code := r.stop(t); code != exitDone {
			t.Errorf("exit code %d", code)
		}
		if n := strings.Count(r.stderr.String(), `"right":"`+right+`invoices"`); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestGrantedRightsAreNoticed: a worker whose user gets the right is ready again, with no restart.
func TestGrantedRightsAreNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nats.conf")
	write := func(allow string) {
		t.Helper()
		text := fmt.Sprintf("listen: 127.0.0.1:-1\nauthorization {users: [{user: u, password: p, permissions: {publish: {allow: [%q]}}}]}\n", allow)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer stopServer(s)
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	log := slog.New(slog.DiscardHandler)
	lacks := newLacks(log)
	lacks.lasts = 100 * time.Millisecond
	nc, err := nats.Connect(s.ClientURL(), append(natsHandlers(log, lacks), nats.UserInfo("u", "p"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	complained := func() bool {
		if err := errors.Join(nc.Publish("b", nil), nc.Flush()); err != nil {
			t.Fatal(err)
		}
		return lacks.err() != nil
	}
	until(t, "the complaint", complained)
	write("b")
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	until(t, "the end of the complaint", func() bool { return !complained() })
}

// TestCtrlCStillEndsAGuardedWait: the end of the command's context ends the wait, and is no missing right.
func TestCtrlCStillEndsAGuardedWait(t *testing.T) {
	refused, refuse := context.WithCancelCause(context.Background())
	g := &guarded{refused: refused}
	parent, cancel := context.WithCancel(t.Context())
	ctx, end := g.within(parent)
	defer end()
	finishing, endFinishing := g.finishing(parent)
	defer endFinishing()
	cancel()
	<-ctx.Done()
	own := errors.New("own")
	if finishing.Err() != nil || g.explain(own) != own || g.explain(nil) != nil {
		t.Errorf("%v, %v", finishing.Err(), g.explain(own))
	}
	missing := &rights.Missing{Verb: rights.Publish, Subject: "x"}
	refuse(missing)
	<-finishing.Done()
	for _, err := range []error{nil, own, errSilent} {
		if !errors.Is(g.explain(err), missing) {
			t.Errorf("%v: %v", err, g.explain(err))
		}
	}
}
