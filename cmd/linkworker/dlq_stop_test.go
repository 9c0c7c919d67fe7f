//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
)

// What a replay says to NATS: the event, then that the letter is to go.
const (
	sayEvent  = "HPUB invoice.issued "
	sayRemove = "$JS.API.STREAM.MSG.DELETE."
)

// forgetful makes a clinic whose stream BILLING drops no repeats: what comes late is the worker's to know.
func forgetful(t *testing.T, env *testenv.Env) *clinic {
	t.Helper()
	_, err := env.JetStream(t).CreateStream(t.Context(), jetstream.StreamConfig{
		Name: events.StreamBilling, Subjects: []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested},
		MaxAge: 30 * 24 * time.Hour, Duplicates: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return newClinic(t, env)
}

// begin starts a command of dlq.
func (c *clinic) begin(environ []string, args ...string) *process {
	c.t.Helper()
	cmd := exec.Command("linkworker", append([]string{"dlq"}, args...)...)
	cmd.Env = environ
	p := &process{Cmd: cmd, log: &buffer{}}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(p.kill)
	return p
}

// late starts a command of dlq that stands still when it says the mark to NATS.
func (c *clinic) late(mark string, args ...string) (*process, *sluice) {
	c.t.Helper()
	s := newSluice(c.t, c.env.NATSURL, mark)
	p := c.begin(append(slices.Clone(c.environ), "NATS_URL="+s.addr), args...)
	select {
	case <-s.held:
	case <-time.After(patience):
		c.t.Fatalf("dlq %v does not come to %q: %s", args, mark, p.log)
	}
	c.signal(p, syscall.SIGSTOP)
	return p, s
}

func (c *clinic) signal(p *process, signal syscall.Signal) {
	c.t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
}

// goOn lets a command that stands still come to its end.
func (c *clinic) goOn(p *process, s *sluice) {
	c.t.Helper()
	s.release()
	c.signal(p, syscall.SIGCONT)
	if err := p.Wait(); err != nil {
		c.t.Errorf("%v: %s", err, p.log)
	}
}

// TestReplayStopped stops a replay with events on their way, has another one replay everything, and lets the first one
// go on when all has ended: what it still sends comes a second time, and means nothing.
func TestReplayStopped(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		const n = 30
		c := forgetful(t, env)
		c.refuse()
		for i := range n {
			c.emit(events.SubjectInvoiceIssued, invoiceOf(fmt.Sprintf("inv-%d", i), "10"))
		}
		c.awaitLetters(n)
		for round := 1; round <= 2; round++ { // everything fails again, then becomes links
			if round == 2 {
				c.allow()
			}
			stopped, s := c.late(sayEvent, "replay", "--all", "--yes")
			c.must("replay", "--all", "--yes", "--wait", heard)
			sent := c.sent()
			c.goOn(stopped, s)
			if c.sent() == sent {
				t.Errorf("round %d: nothing came late, and so nothing was tried: %s", round, stopped.log)
			}
			c.eventually("what came late has ended", c.idle)
			left := 0
			for _, l := range c.letters() {
				left++
				if l.Replays != round {
					t.Errorf("round %d: %+v", round, l)
				}
			}
			created, failed := c.results()
			c.once(created)
			c.once(failed)
			links, failures := (round-1)*n, 2*n
			if left != n-links || len(created) != links || len(c.vendor.Links()) != links || len(failed) != failures {
				t.Errorf("round %d: %d letters, %d link.created, %d links, %d link.failed", round, left, len(created), len(c.vendor.Links()), len(failed))
			}
		}
	})
}

// sent counts the events in BILLING.
func (c *clinic) sent() uint64 {
	c.t.Helper()
	stream, err := c.js.Stream(c.t.Context(), events.StreamBilling)
	if err != nil {
		c.t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

// TestEditBesideReplay corrects a letter whose replay was stopped before it was sent, or killed before the letter was
// removed: there are two tries then, one link, and one letter of the old one, which comes too late.
func TestEditBesideReplay(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := forgetful(t, env)
		refusal := conomytest.Refusal(400, "11", "invalidParam", "the amount is refused")
		onCreate := conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}

		c.vendor.Script(onCreate, refusal)
		c.emit(events.SubjectInvoiceIssued, invoiceOf("stopped", "10"))
		id := c.only()
		stopped, s := c.late(sayEvent, "replay", id)
		c.corrected(id, "12")
		c.goOn(stopped, s)
		c.tooLate("stopped", "12", 1, 2)
		c.must("discard", c.only(), "--yes")

		c.vendor.Script(onCreate, refusal, refusal)
		c.emit(events.SubjectInvoiceIssued, invoiceOf("killed", "10"))
		id = c.only()
		killed, _ := c.late(sayRemove, "replay", id)
		killed.kill()
		c.awaitLetters(2)
		if out := c.must("replay", id, "--dry-run", "-o", "json"); lines[prospectLine](t, out)[0].Prospect != deadletter.ProspectSent {
			t.Errorf("%s", out)
		}
		c.corrected(id, "12")
		c.must("replay", c.only(), "--wait", heard)
		c.tooLate("killed", "12", 2, 5)
	})
}

// only is the id of the one letter there is.
func (c *clinic) only() (id string) {
	c.t.Helper()
	for n := range c.awaitLetters(1) {
		id = idText(n)
	}
	return id
}

// corrected corrects the amount of a letter, which becomes a link.
func (c *clinic) corrected(id, amount string) {
	c.t.Helper()
	set := "items[0].totalAmount=" + amount
	if out := c.must("edit", id, "--set", set, "--set", "items[0].preTaxAmount="+amount, "--wait", heard); !strings.Contains(out, string(deadletter.FateCreated)) {
		c.t.Errorf("%s", out)
	}
}

// tooLate finds the token's link as it was corrected, told of once, and the old event in the one letter, each of its
// failures told of once.
func (c *clinic) tooLate(token, amount string, replays, failures int) {
	c.t.Helper()
	c.eventually("the old event has ended as a conflict", func() bool {
		for _, l := range c.letters() {
			return l.Token == token && l.Reason == deadletter.ReasonConflict && l.Replays == replays && c.idle()
		}
		return false
	})
	c.only()
	created, failed := c.results()
	c.once(created)
	c.once(failed)
	link, _ := c.vendor.Link(token)
	if link.TotalAmount != amount || created[events.LinkCreatedID(token, "")] != 1 {
		c.t.Errorf("%s: link %+v, told %v", token, link, created)
	}
	if len(failed) != failures {
		c.t.Errorf("%s: %d link.failed, want %d: %v", token, len(failed), failures, failed)
	}
}
