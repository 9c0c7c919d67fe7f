package worker

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// askApart asks for n sessions, one after the other, under a backlog of invoices, and returns how long each waited for a
// slot.
func askApart(t *testing.T, ts *turnstile, n int, apart, took time.Duration) (waited []time.Duration) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { crowd(t, ts, 40*ts.spread.slots, func() time.Duration { return took }) })
	time.Sleep(4 * took)
	for range n {
		time.Sleep(apart)
		came := time.Now()
		if err := ts.enter(t.Context(), classSession); err != nil {
			t.Fatal(err)
		}
		waited = append(waited, time.Since(came))
		all.Go(func() {
			time.Sleep(took)
			ts.leave()
		})
	}
	return waited
}

func TestASlotIsKeptForTheNextSession(t *testing.T) {
	for name, tt := range map[string]struct {
		permit  func(context.Context) (time.Duration, error)
		longest time.Duration
	}{
		"no rate":                {nil, 0},
		"a rate below the slots": {permitsApart(3 * time.Millisecond), 3 * time.Millisecond},
		"a rate above the slots": {permitsApart(time.Millisecond), time.Millisecond},
		"a rate beyond all":      {permitsApart(0), 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ts := newTurnstile(64, tt.permit)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go ts.meter(ctx, func(err error) { t.Error(err) })
				// The first finds all slots taken: none was kept for it.
				waited := askApart(t, ts, 60, 23*time.Millisecond, 150*time.Millisecond)
				if longest := slices.Max(waited[1:]); longest > tt.longest {
					t.Errorf("a session waited %v", longest)
				}
			})
		})
	}
}

// Where no session is asked for, or slots are few, invoices have them all.
func TestNoSlotIsKeptForNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		slots    int
		sessions bool
		passed   time.Duration
		all      bool
	}{
		"never a session":           {64, false, 0, true},
		"a session lately":          {64, true, sessionsLately, false},
		"a session long ago":        {64, true, sessionsLately + 1, true},
		"few slots":                 {keptOf - 1, true, 0, true},
		"just enough for one apart": {keptOf, true, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ts := newTurnstile(tt.slots, nil)
				if tt.sessions {
					if err := ts.enter(t.Context(), classSession); err != nil {
						t.Fatal(err)
					}
					ts.leave()
				}
				time.Sleep(tt.passed)
				var invoices sync.WaitGroup
				ctx, cancel := context.WithCancel(t.Context())
				for range tt.slots {
					invoices.Go(func() { _ = ts.enter(ctx, classInvoice) })
				}
				synctest.Wait()
				if all := ts.free == 0; all != tt.all || ts.free > 1 {
					t.Errorf("%d slots are free", ts.free)
				}
				cancel()
				invoices.Wait()
			})
		})
	}
}
