package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
)

// clinic is an observer with dead letters to look after, and a worker at work.
type clinic struct {
	*outside
	env       *testenv.Env
	published int
}

func newClinic(t *testing.T, env *testenv.Env) *clinic {
	t.Helper()
	c := &clinic{outside: newOutside(t, env, conomytest.Options{}), env: env}
	c.process()
	c.eventually("the consumers are made", func() bool {
		_, err := c.js.Consumer(t.Context(), events.StreamBilling, events.ConsumerSessions)
		return err == nil
	})
	return c
}

// refuse has the vendor refuse every call for a link, until allow.
func (c *clinic) refuse() {
	refusal := conomytest.Refusal(400, "11", "invalidParam", "account is locked")
	refusal.Always = true
	c.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}, refusal)
}

func (c *clinic) allow() { c.vendor.ClearFaults() }

// emit publishes an event and counts it.
func (c *clinic) emit(subject, data string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if _, err := c.js.Publish(ctx, subject, []byte(data)); err != nil {
		c.t.Fatal(err)
	}
	c.published++
}

func invoiceOf(token, amount string) string {
	return fmt.Sprintf(`{"checkoutToken":%q,"currency":"USD","items":[{"preTaxAmount":%q,"totalAmount":%[2]q,"description":"Plan"}]}`, token, amount)
}

// letters reads all there are, by id.
func (c *clinic) letters() map[uint64]*deadletter.Letter {
	c.t.Helper()
	store, err := deadletter.Open(c.t.Context(), c.js, "")
	if err != nil {
		c.t.Fatal(err)
	}
	all := map[uint64]*deadletter.Letter{}
	err = store.List(c.t.Context(), deadletter.Filter{}, func(e *deadletter.Entry) error {
		all[e.ID] = e.Letter
		return e.Fault
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

// awaitLetters waits until there are n, and no event is in work.
func (c *clinic) awaitLetters(n int) map[uint64]*deadletter.Letter {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%d dead letters", n), func() bool {
		stream, err := c.js.Stream(c.t.Context(), events.StreamDeadLetters)
		return err == nil && stream.CachedInfo().State.Msgs == uint64(n) && c.idle()
	})
	return c.letters()
}

// idle reports whether every event in BILLING is acknowledged.
func (c *clinic) idle() bool {
	for _, name := range []string{events.ConsumerInvoices, events.ConsumerSessions} {
		consumer, err := c.js.Consumer(context.Background(), events.StreamBilling, name)
		if err != nil || consumer.CachedInfo().NumPending > 0 || consumer.CachedInfo().NumAckPending > 0 {
			return false
		}
	}
	return true
}

// results counts link.created and link.failed by id.
func (c *clinic) results() (created, failed map[string]int) {
	created, failed = c.created(), map[string]int{}
	for id, n := range created {
		if strings.HasPrefix(id, events.SubjectLinkFailed) {
			failed[id] = n
			delete(created, id)
		}
	}
	return created, failed
}

// dlq runs one of the commands to its end.
func (c *clinic) dlq(args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	var out, errs buffer
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	code = run(ctx, append([]string{"dlq"}, args...), c.environ, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func (c *clinic) must(args ...string) string {
	c.t.Helper()
	code, stdout, stderr := c.dlq(args...)
	if code != exitDone {
		c.t.Fatalf("dlq %v: exit code %d\n%s", args, code, stderr)
	}
	return stdout
}

// lines reads JSON lines.
func lines[T any](t *testing.T, text string) []T {
	t.Helper()
	var all []T
	for line := range strings.Lines(text) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, v)
	}
	return all
}

// once checks that nothing was told twice.
func (c *clinic) once(told map[string]int) {
	c.t.Helper()
	for id, n := range told {
		if n != 1 {
			c.t.Errorf("%s was told %d times", id, n)
		}
	}
}

// TestReplaysKilled kills replays with SIGKILL, two at a time, wherever they happen to be, while the worker works.
func TestReplaysKilled(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		const n, kills = 200, 8
		c := newClinic(t, env)
		c.refuse()
		for i := range n {
			c.emit(events.SubjectInvoiceIssued, invoiceOf(fmt.Sprintf("inv-%d", i), "10"))
		}
		c.awaitLetters(n)
		c.allow()
		start := func() *exec.Cmd {
			cmd := exec.Command("linkworker", "dlq", "replay", "--all", "--yes", "--rate", "150")
			cmd.Env = c.environ
			cmd.Stderr = &buffer{}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			return cmd
		}
		for range kills {
			left := len(c.letters())
			pair := []*exec.Cmd{start(), start()}
			goal := left - rand.IntN(n/kills) - 1
			c.eventually("some are replayed", func() bool { return len(c.letters()) <= max(0, goal) })
			for _, cmd := range pair {
				_ = cmd.Process.Kill() // it may have ended
				_ = cmd.Wait()         // says how, which is known
			}
		}
		var running sync.WaitGroup
		for range 2 {
			running.Go(func() {
				if cmd := start(); cmd.Wait() != nil {
					t.Errorf("%v: %v", cmd.ProcessState, cmd.Stderr)
				}
			})
		}
		running.Wait()
		c.awaitLetters(0)
		c.eventually("all links are told of", func() bool {
			created, _ := c.results()
			return len(created) == n && c.idle()
		})
		created, failed := c.results()
		c.once(created)
		c.once(failed)
		if len(c.vendor.Links()) != n || len(failed) != n {
			t.Errorf("%d links, %d link.failed of %d events", len(c.vendor.Links()), len(failed), n)
		}
	})
}

// TestReplayFailsAgain replays what will fail again, twice at once.
func TestReplayFailsAgain(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		const n = 50
		c := newClinic(t, env)
		c.refuse()
		for i := range n {
			c.emit(events.SubjectInvoiceIssued, invoiceOf(fmt.Sprintf("inv-%d", i), "10"))
		}
		old := c.awaitLetters(n)
		for round := 1; round <= 2; round++ {
			var ids []string
			for id := range old {
				ids = append(ids, idText(id))
			}
			var running sync.WaitGroup
			for range 2 { // by ids: what the other one has replayed is told of, and no letter of this round is taken
				running.Go(func() { c.dlq(append([]string{"replay", "--yes"}, ids...)...) })
			}
			running.Wait()
			now := c.awaitLetters(n)
			tokens := map[string]bool{}
			for id, l := range now {
				tokens[l.Token] = true
				if old[id] != nil || l.Replays != round || l.Reason != deadletter.ReasonRejected {
					t.Errorf("letter %d: %+v", id, l)
				}
			}
			created, failed := c.results()
			c.once(failed)
			if len(tokens) != n || len(created) != 0 || len(failed) != n*(round+1) {
				t.Errorf("round %d: %d tokens, %d link.created, %d link.failed", round, len(tokens), len(created), len(failed))
			}
			old = now
		}
	})
}

// TestDryRunForesees holds what --dry-run says to what becomes of each letter.
func TestDryRunForesees(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		c.refuse()
		for _, token := range []string{"fresh", "told", "other"} {
			c.emit(events.SubjectInvoiceIssued, invoiceOf(token, "10.50"))
		}
		c.emit(events.SubjectInvoiceIssued, `{"checkoutToken":"broken","currency":"USD"}`)
		session := `{"checkoutToken":"told","requestId":"r-1","customer":{"email":"jane@example.com"}}`
		c.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreateCheckoutSession}, conomytest.Failure(422))
		c.emit(events.SubjectSessionRequested, session)
		c.awaitLetters(5)
		c.allow()
		c.emit(events.SubjectInvoiceIssued, invoiceOf("told", "10.5"))
		c.emit(events.SubjectInvoiceIssued, invoiceOf("other", "20"))
		c.eventually("two links are told of", func() bool {
			created, _ := c.results()
			return len(created) == 2 && c.idle()
		})
		token := map[string]string{}
		for id, l := range c.letters() {
			token[idText(id)] = l.Token
			if l.Subject == events.SubjectSessionRequested {
				token[idText(id)] = "session"
			}
		}
		want := map[string]struct {
			prospect deadletter.Prospect
			fate     deadletter.Fate
			reason   string
		}{
			"fresh":   {deadletter.ProspectCreate, deadletter.FateCreated, ""},
			"told":    {deadletter.ProspectPublished, deadletter.FateDuplicate, ""},
			"other":   {deadletter.ProspectConflict, deadletter.FateFailed, "conflict"},
			"broken":  {deadletter.ProspectInvalid, deadletter.FateFailed, "invalid_event"},
			"session": {deadletter.ProspectCreate, deadletter.FateCreated, ""},
		}
		before := c.memory()
		foreseen := lines[prospectLine](t, c.must("replay", "--all", "--dry-run", "-o", "json"))
		if len(foreseen) != len(want) || !maps.Equal(before, c.memory()) || len(c.letters()) != len(want) {
			t.Errorf("%d foreseen; Redis or the letters changed", len(foreseen))
		}
		for _, line := range foreseen {
			if line.Prospect != want[token[line.ID]].prospect {
				t.Errorf("%s: %+v", token[line.ID], line)
			}
		}
		said := c.must("replay", "--all", "--yes", "--wait", heard, "-o", "json")
		outcomes := slices.DeleteFunc(lines[outcomeLine](t, said), func(o outcomeLine) bool { return o.Outcome == "" })
		if len(outcomes) != len(want) {
			t.Errorf("%d outcomes:\n%s", len(outcomes), said)
		}
		for _, line := range outcomes {
			if w := want[token[line.ID]]; line.Outcome != w.fate || line.Reason != w.reason {
				t.Errorf("%s: %+v", token[line.ID], line)
			}
		}
		left := c.awaitLetters(2)
		for id := range left {
			if !strings.Contains(said, `"deadLetter":"`+idText(id)+`"`) {
				t.Errorf("dead letter %d is not named in\n%s", id, said)
			}
		}
	})
}

// memory is all that Redis knows.
func (c *clinic) memory() map[string]string {
	c.t.Helper()
	ctx, rdb := c.t.Context(), c.env.Redis(c.t)
	all := map[string]string{}
	keys, err := rdb.Keys(ctx, c.env.Prefix+":*").Result()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, key := range keys {
		var content any
		var err error
		switch kind := rdb.Type(ctx, key).Val(); kind {
		case "string":
			content, err = rdb.Get(ctx, key).Result()
		case "hash":
			content, err = rdb.HGetAll(ctx, key).Result()
		default:
			content, err = rdb.ZRangeWithScores(ctx, key, 0, -1).Result()
		}
		if err != nil {
			c.t.Fatal(err)
		}
		all[key] = fmt.Sprint(content)
	}
	return all
}

// TestCanary sends all only where the first ones come to links.
func TestCanary(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		const n = 20
		c := newClinic(t, env)
		c.refuse()
		for i := range n {
			c.emit(events.SubjectInvoiceIssued, invoiceOf(fmt.Sprintf("inv-%d", i), "10"))
		}
		c.awaitLetters(n)
		code, stdout, stderr := c.dlq("replay", "--reason", "rejected", "--yes", "--canary", "3", "--wait", heard)
		if code != exitFailed || strings.Count(stdout, "account is locked") != 3 ||
			!strings.Contains(stderr, "stopped after the canaries: 0 of 3 came to links, and 3 needed to (3 failed); the other 17 were not sent") {
			t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		code, stdout, stderr = c.dlq("replay", "--reason", "rejected", "--limit", "2", "--yes", "--canary", "5")
		if code != exitDone || strings.Count(stdout, "account is locked") != 2 || !strings.Contains(stderr, "what became of 2: 2 failed") {
			t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		replayed := 0
		for _, l := range c.awaitLetters(n) {
			replayed += l.Replays
		}
		if replayed != 5 {
			t.Errorf("%d are replayed", replayed)
		}
		c.allow()
		if code, stdout, stderr := c.dlq("replay", "--code", "11", "--yes", "--canary", "3", "--wait", heard, "--rate", "100"); code != exitDone ||
			strings.Count(stdout, "created") != n || !strings.Contains(stderr, "3 of 3 canaries came to links; sending the other 17") {
			t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		c.awaitLetters(0)
		if len(c.vendor.Links()) != n {
			t.Errorf("%d links", len(c.vendor.Links()))
		}
	})
}

// TestEditAndReplay corrects a letter's event and hears of its link.
func TestEditAndReplay(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		c.emit(events.SubjectInvoiceIssued, `{"checkoutToken":"inv-1","currency":"usd","items":[{"preTaxAmount":"1","totalAmount":"1","description":"a"}],"metadata":{"n":1.10}}`)
		var id uint64
		for id = range c.awaitLetters(1) {
		}
		code, stdout, stderr := c.dlq("edit", idText(id), "--set", "currency=USD", "--set", "items[0].description=Plan", "--note", "OPS-1", "--wait", heard)
		if code != exitDone || !strings.Contains(stderr, `"note":"OPS-1"`) || !strings.Contains(stderr, `- currency: "usd"`) {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		record, rest, _ := strings.Cut(stdout, "\n")
		line := lines[editLine](t, record)[0]
		if line.ID != idText(id) || line.Note != "OPS-1" || len(line.Changes) != 2 || !strings.Contains(string(line.New), `"n":1.10`) {
			t.Errorf("%s", record)
		}
		if !strings.Contains(rest, "created") {
			t.Errorf("%s", rest)
		}
		c.awaitLetters(0)
		if link, ok := c.vendor.Link("inv-1"); !ok || link.CheckoutToken != "inv-1" {
			t.Errorf("%+v", link)
		}
	})
}
