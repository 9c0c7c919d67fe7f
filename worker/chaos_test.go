package worker

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
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

// floodgate holds the creates of links up, in their call slots, until it is opened, and notes in which order calls begin.
type floodgate struct {
	opened chan struct{}
	mu     sync.Mutex
	begun  []string // the paths
}

func (f *floodgate) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && strings.Contains(req.URL.Path, "payment-links") {
		f.mu.Lock()
		f.begun = append(f.begun, req.URL.Path)
		f.mu.Unlock()
		if isCreate(req.URL.Path) {
			<-f.opened
		}
	}
	return http.DefaultTransport.RoundTrip(req)
}

func isCreate(path string) bool { return strings.HasSuffix(path, "payment-links") }

func (f *floodgate) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.begun)
}

// TestSessionsPassABacklog asks for sessions while invoices hold every call slot and more of them wait for one.
func TestSessionsPassABacklog(t *testing.T) {
	each(t, func(w *world) {
		const slots, invoices, asked = 4, 60, 10
		gate := &floodgate{opened: make(chan struct{})}
		w.settings.Concurrency, w.transport, w.timeout = slots, gate, patience
		for i := range asked {
			w.makeLinkAtVendor(fmt.Sprintf("old-%d", i))
		}
		r := w.start(nil)
		for i := range invoices {
			w.invoice(fmt.Sprintf("inv-%d", i))
		}
		w.eventually("invoices hold every slot, and more wait", func() bool {
			return len(gate.calls()) == slots && queued(r.turnstile, classInvoice) > 2*slots
		})
		for i := range asked {
			w.session(fmt.Sprintf("old-%d", i), "r")
		}
		w.eventually("every session waits for a slot", func() bool { return queued(r.turnstile, classSession) == asked })
		close(gate.opened)
		w.settled()
		w.count(invoices+asked, asked, invoices+asked, 0)
		calls := gate.calls()
		for len(calls) > 0 && isCreate(calls[len(calls)-1]) {
			calls = calls[:len(calls)-1]
		}
		// Each slot that came free went to a session; whoever has got one may be slow to call.
		if creates := len(calls) - asked; creates >= 2*slots {
			w.t.Errorf("the sessions waited for %d invoices", creates)
		}
	})
}

// queued is how many of a class wait for a slot.
func queued(t *turnstile, c class) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting[c])
}
