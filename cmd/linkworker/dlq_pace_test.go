//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
)

// TestReplayKeepsItsRate interrupts a replay that has a rate, and lets another one go on with what is left.
func TestReplayKeepsItsRate(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		const n, rate = 30, 8
		c := newClinic(t, env)
		c.refuse()
		for i := range n {
			c.emit(events.SubjectInvoiceIssued, invoiceOf(fmt.Sprintf("inv-%d", i), "10"))
		}
		c.awaitLetters(n)
		c.allow()
		before := c.sent()
		p := c.begin(c.environ, "replay", "--all", "--yes", "--rate", fmt.Sprint(rate))
		c.eventually("some are sent", func() bool { return c.sent() >= before+6 })
		c.signal(p, syscall.SIGINT)
		if _ = p.Wait(); p.ProcessState.ExitCode() != exitFailed || !strings.Contains(p.log.String(), "interrupted") {
			t.Errorf("%v: %s", p.ProcessState, p.log)
		}
		sent, left := int(c.sent()-before), len(c.letters())
		for _, says := range []string{fmt.Sprintf("sent %d of %d dead letters", sent, n), "repeating the command goes on with them", fmt.Sprintf(`"count":%d,`, sent)} {
			if !strings.Contains(p.log.String(), says) {
				t.Errorf("it does not say %q:\n%s", says, p.log)
			}
		}
		if left != n-sent || sent == n {
			t.Errorf("%d sent of %d, and %d left", sent, n, left)
		}
		c.must("replay", "--all", "--yes", "--rate", fmt.Sprint(rate), "--wait", heard)
		c.awaitLetters(0)
		created, _ := c.results()
		if c.once(created); len(created) != n || c.sent() != before+n {
			t.Errorf("%d link.created for %d, %d sent", len(created), n, c.sent()-before)
		}
		for _, times := range [][]time.Time{c.storedAfter(before, sent), c.storedAfter(before+uint64(sent), n-sent)} {
			least := time.Duration(len(times)-1) * time.Second / rate
			if took := times[len(times)-1].Sub(times[0]); took < least-100*time.Millisecond {
				t.Errorf("%d sent within %v, at %d a second", len(times), took, rate)
			}
		}
	})
}

// storedAfter is when n events after the given one were stored in BILLING, in order.
func (c *clinic) storedAfter(after uint64, n int) (times []time.Time) {
	c.t.Helper()
	stream, err := c.js.Stream(context.Background(), events.StreamBilling)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range n {
		msg, err := stream.GetMsg(context.Background(), after+uint64(i)+1)
		if err != nil {
			c.t.Fatal(err)
		}
		times = append(times, msg.Time)
	}
	return times
}

// TestReplayWaits tells of what became of a replay that had been sent before, and of one of which nothing is heard in
// time. Who has replayed what is in the log before the wait.
func TestReplayWaits(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		c.refuse()
		c.emit(events.SubjectInvoiceIssued, invoiceOf("earlier", "10"))
		id := c.only()
		c.allow()
		killed, _ := c.late(sayRemove, "replay", id)
		killed.kill()
		c.eventually("its link is told of", func() bool {
			created, _ := c.results()
			return len(created) == 1 && c.idle()
		})
		c.becomes(id, heard, deadletter.FateEarlier)
		c.awaitLetters(0)

		slow := func(token string) (id string) {
			c.refuse()
			c.emit(events.SubjectInvoiceIssued, invoiceOf(token, "10"))
			id = c.only()
			c.allow()
			c.vendor.Script(conomytest.Match{Token: token}, conomytest.Fault{Delay: conomytest.Delay(2 * time.Second)})
			return id
		}
		c.becomes(slow("open"), "300ms", deadletter.FateOpen)
		c.eventually("its link is told of", func() bool { return c.created()[events.LinkCreatedID("open", "")] == 1 && c.idle() })

		p := c.begin(c.environ, "replay", slow("late"), "--wait", heard, "--note", "OPS-7")
		if err := p.Wait(); err != nil {
			t.Errorf("%v: %s", err, p.log)
		}
		logged, told := strings.Index(p.log.String(), `"msg":"dead letters replayed"`), strings.Index(p.log.String(), "created")
		if logged < 0 || told < logged || !strings.Contains(p.log.String(), `"note":"OPS-7"`) {
			t.Errorf("%s", p.log)
		}
	})
}

// becomes replays a letter and hears what became of it.
func (c *clinic) becomes(id, wait string, fate deadletter.Fate) {
	c.t.Helper()
	told := lines[outcomeLine](c.t, c.must("replay", id, "--wait", wait, "-o", "json"))
	if !slices.ContainsFunc(told, func(o outcomeLine) bool { return o.ID == id && o.Outcome == fate }) {
		c.t.Errorf("%+v, want %s", told, fate)
	}
}

// TestReplayInterruptedWhileItWaits says that the wait was cut short, and does not take what is not known yet for a
// canary's death.
func TestReplayInterruptedWhileItWaits(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		c.refuse()
		for i := range 3 {
			c.emit(events.SubjectInvoiceIssued, invoiceOf(fmt.Sprintf("inv-%d", i), "10"))
		}
		c.awaitLetters(3)
		interrupted := func(args ...string) *process {
			p := c.begin(c.environ, append([]string{"replay", "--all", "--yes"}, args...)...)
			c.eventually("it is sent", func() bool { return strings.Contains(p.log.String(), `"msg":"dead letters replayed"`) })
			c.signal(p, syscall.SIGTERM)
			_ = p.Wait()
			return p
		}
		c.allow()
		c.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}, conomytest.Fault{Hang: true, Always: true})
		p := interrupted("--canary", "1")
		for _, says := range []string{"interrupted; what became of 1 so far: 1 open", "interrupted while waiting for the canaries; the other 2 were not sent"} {
			if !strings.Contains(p.log.String(), says) {
				t.Errorf("it does not say %q:\n%s", says, p.log)
			}
		}
		if p.ProcessState.ExitCode() != exitFailed || strings.Contains(p.log.String(), "came to links") {
			t.Errorf("%v: %s", p.ProcessState, p.log)
		}
		p = interrupted("--wait", heard)
		if p.ProcessState.ExitCode() != 0 || !strings.Contains(p.log.String(), "interrupted; what became of 2 so far: 2 open") {
			t.Errorf("%v: %s", p.ProcessState, p.log)
		}
	})
}
