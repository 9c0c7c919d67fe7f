package worker

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowd lets n invoices through a turnstile, all there at once, and returns how long that took.
func crowd(t *testing.T, ts *turnstile, n int, call func() time.Duration) time.Duration {
	started := time.Now()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := ts.enter(t.Context(), classInvoice); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(call())
			ts.leave()
		})
	}
	all.Wait()
	return time.Since(started)
}

// Calls that all take the same time and begin together do not end together for ever: a session soon finds a free slot
// whenever it comes.
func TestSessionWaitsForNoWave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// They come at all points of a wave.
		for i, waited := range askApart(t, newTurnstile(64, nil), 40, 37*time.Millisecond, 150*time.Millisecond) {
			if waited > 10*time.Millisecond {
				t.Errorf("session %d waited %v for a slot", i, waited)
			}
		}
	})
}

// What that costs is half a wave at the beginning, and next to nothing where calls are spread by themselves.
func TestSpreadingCostsLittle(t *testing.T) {
	for name, call := range map[string]func(*rand.Rand) time.Duration{
		"all the same": func(*rand.Rand) time.Duration { return 150 * time.Millisecond },
		"random":       func(r *rand.Rand) time.Duration { return time.Duration(r.Float64() * float64(300*time.Millisecond)) },
		"mostly fast": func(r *rand.Rand) time.Duration {
			if r.IntN(20) == 0 {
				return time.Second
			}
			return 100 * time.Millisecond
		},
		"at once": func(*rand.Rand) time.Duration { return time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const slots, waves = 64, 100
				var mu sync.Mutex
				var sum, longest time.Duration
				random := rand.New(rand.NewPCG(1, 2))
				took := crowd(t, newTurnstile(slots, nil), waves*slots, func() time.Duration {
					mu.Lock()
					defer mu.Unlock()
					d := call(random)
					sum, longest = sum+d, max(longest, d)
					return d
				})
				if limit := sum/slots + longest; took > limit+limit/50 {
					t.Errorf("took %v, could have taken %v", took, limit)
				}
			})
		})
	}
}

// Few invoices, for which there are slots enough, wait for nothing.
func TestFewInvoicesAreNotSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTurnstile(64, nil)
		took := 150 * time.Millisecond
		for range 10 {
			if d := crowd(t, ts, 32, func() time.Duration { return took }); d != took {
				t.Errorf("32 calls at once took %v", d)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}
