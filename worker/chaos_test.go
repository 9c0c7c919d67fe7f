package worker

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/worker/testenv"
)

// TestManyWorkersDieWhileTheyWork counts the outcomes of a burst while workers are killed, one after another, wherever
// they happen to be, and the vendor fails now and then.
func TestManyWorkersDieWhileTheyWork(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWorld(t, env, conomytest.Options{Latency: 10 * time.Millisecond, FailRate: 0.05, Seed: 7})
		w.settings.SessionWait = time.Minute
		w.settings.Retry.Attempts = 30 // the vendor's failures are not the point
		w.ready()
		links, sessions := w.burst(60)
		begin := func() *running {
			return w.start(func(r *running) {
				r.reached = func(*delivery, step) {
					if r.killed.Load() {
						runtime.Goexit()
					}
				}
			})
		}
		workers := []*running{begin(), begin()}
		for kills := 0; kills < 4 && w.open() != 0; kills++ {
			goal := len(w.vendor.Links()) + links/6
			w.eventually("some more links are made", func() bool { return len(w.vendor.Links()) >= min(goal, links) })
			victim := rand.IntN(len(workers))
			workers[victim].kill()
			workers[victim] = begin()
		}
		w.settled()
		spare := len(w.vendor.Sessions()) - sessions
		if spare < 0 || spare > 4*w.settings.Concurrency+sessions {
			t.Errorf("%d sessions too many", spare)
		}
		w.count(links, len(w.vendor.Sessions()), links+sessions, 0)
	})
}

// TestSharedRate holds two workers together to one rate.
func TestSharedRate(t *testing.T) {
	each(t, func(w *world) {
		const rate, n = 40, 80
		w.settings.RateLimit = rate
		w.ready()
		for i := range n {
			w.invoice(fmt.Sprintf("inv-%d", i))
		}
		started := time.Now()
		w.start(nil)
		w.start(nil)
		w.settled()
		w.count(n, 0, n, 0)
		// What may come at once is a tenth of a second's calls.
		if least := time.Duration(n-rate/10-1) * time.Second / rate; time.Since(started) < least {
			w.t.Errorf("%d calls in %v, at %d a second", n, time.Since(started), rate)
		}
	})
}

// floodgate lets a create of a link go on to the vendor for each pass; the others wait before it, in their call slots.
type floodgate struct {
	passes chan struct{}
	came   atomic.Int64
}

func (f *floodgate) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "payment-links") {
		f.came.Add(1)
		select {
		case <-f.passes:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	return http.DefaultTransport.RoundTrip(req)
}

// TestSessionsPassABacklog asks for sessions while invoices hold every call slot and more of them wait for one: each slot
// that comes free goes to a session, or the invoice that gets it keeps it.
func TestSessionsPassABacklog(t *testing.T) {
	each(t, func(w *world) {
		const slots, invoices, asked = 4, 60, 10
		gate := &floodgate{passes: make(chan struct{}, slots)}
		w.settings.Concurrency, w.transport, w.timeout = slots, gate, 2*patience
		for i := range asked {
			w.makeLinkAtVendor(fmt.Sprintf("old-%d", i))
		}
		r := w.start(nil)
		open := sync.OnceFunc(func() { close(gate.passes) })
		w.t.Cleanup(open)
		for i := range invoices {
			w.invoice(fmt.Sprintf("inv-%d", i))
		}
		w.eventually("invoices hold every slot, and more wait", func() bool {
			return gate.came.Load() >= slots && queued(r.turnstile, classInvoice) > 2*slots
		})
		for i := range asked {
			w.session(fmt.Sprintf("old-%d", i), "r")
		}
		w.eventually("every session waits for a slot", func() bool { return queued(r.turnstile, classSession) == asked })
		for range slots {
			gate.passes <- struct{}{}
		}
		w.eventually("every session is made", func() bool { return len(w.vendor.Sessions()) == asked })
		open()
		w.settled()
		w.count(invoices+asked, asked, invoices+asked, 0)
	})
}

// queued is how many of a class wait for a slot.
func queued(t *turnstile, c class) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting[c])
}
