package worker

import (
	"fmt"
	"math/rand/v2"
	"runtime"
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

// TestSessionsPassABacklog asks for sessions while invoices wait for every slot.
func TestSessionsPassABacklog(t *testing.T) {
	each(t, func(w *world) {
		const n, latency = 200, 100 * time.Millisecond
		w.settings.Concurrency = 4
		for i := range 10 {
			w.makeLinkAtVendor(fmt.Sprintf("old-%d", i))
		}
		w.script(create, always(conomytest.Fault{Delay: conomytest.Delay(latency)}))
		w.start(nil)
		for i := range n {
			w.invoice(fmt.Sprintf("inv-%d", i))
		}
		w.eventually("the invoices are being worked on", func() bool { return len(w.vendor.Links()) > 14 })
		for i := range 10 {
			w.session(fmt.Sprintf("old-%d", i), "r")
		}
		w.eventually("every session is made", func() bool { return len(w.vendor.Sessions()) == 10 })
		if made := len(w.vendor.Links()); made > n*3/4 {
			w.t.Errorf("the sessions waited for %d links", made)
		}
		w.settled()
		w.count(n+10, 10, n+10, 0)
	})
}
