package worker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFreeSlotGoesToAWaitingSessionFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTurnstile(1, nil)
		if err := ts.enter(t.Context(), classInvoice); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []class
		queue := func(c class) {
			go func() {
				if err := ts.enter(t.Context(), c); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, c)
				mu.Unlock()
				ts.leave()
			}()
			synctest.Wait()
		}
		for _, c := range []class{classInvoice, classInvoice, classSession, classInvoice, classSession} {
			queue(c)
		}
		ts.leave()
		synctest.Wait()
		if want := []class{classSession, classSession, classInvoice, classInvoice, classInvoice}; !slices.Equal(order, want) {
			t.Errorf("%v", order)
		}
		if ts.free != 1 {
			t.Errorf("%d free", ts.free)
		}
	})
}

func TestHoldLetsNobodyPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTurnstile(2, nil)
		ts.hold(time.Minute)
		ts.hold(time.Second) // does not shorten it
		started := time.Now()
		if err := ts.enter(t.Context(), classInvoice); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took != time.Minute {
			t.Errorf("passed after %v", took)
		}
	})
}

func TestWhoGivesUpLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTurnstile(1, nil)
		if err := ts.enter(t.Context(), classInvoice); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := ts.enter(ctx, classSession); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		ts.leave()
		if err := ts.enter(t.Context(), classInvoice); err != nil {
			t.Fatal(err)
		}
	})
}

func TestClosedTurnstileTurnsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTurnstile(1, nil)
		if err := ts.enter(t.Context(), classInvoice); err != nil {
			t.Fatal(err)
		}
		turned := make(chan error)
		go func() { turned <- ts.enter(t.Context(), classInvoice) }()
		synctest.Wait()
		why := errors.New("paused")
		ts.close(why)
		if err := <-turned; !errors.Is(err, why) {
			t.Error(err)
		}
		ts.leave() // who is in a call finishes
		if err := ts.enter(t.Context(), classSession); !errors.Is(err, why) {
			t.Error(err)
		}
		ts.close(nil)
		if err := ts.enter(t.Context(), classSession); err != nil {
			t.Error(err)
		}
	})
}

// permitsApart is a shared rate of one call in so long.
func permitsApart(apart time.Duration) func(context.Context) (time.Duration, error) {
	var next time.Time
	return func(context.Context) (time.Duration, error) {
		if wait := time.Until(next); wait > 0 {
			return wait, nil
		}
		next = time.Now().Add(apart)
		return 0, nil
	}
}

func TestMeterKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTurnstile(5, permitsApart(100*time.Millisecond))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go ts.meter(ctx, func(err error) { t.Error(err) })
		started := time.Now()
		for range 21 {
			if err := ts.enter(t.Context(), classInvoice); err != nil {
				t.Fatal(err)
			}
			ts.leave()
		}
		if took := time.Since(started); took != 2*time.Second {
			t.Errorf("21 calls took %v", took)
		}
	})
}

func TestWhoWillSoonPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts := newTurnstile(4, nil)
		soon := func(want bool, when string) {
			t.Helper()
			if got := ts.soon(classInvoice); got != want {
				t.Errorf("%s: %v", when, got)
			}
		}
		call := func(took time.Duration) {
			for range 50 {
				if err := ts.enter(t.Context(), classInvoice); err != nil {
					t.Fatal(err)
				}
				time.Sleep(took)
				ts.leave()
			}
		}
		soon(false, "before any call")
		call(10 * time.Millisecond)
		soon(true, "calls are brief")
		for range 4 {
			if err := ts.enter(t.Context(), classInvoice); err != nil {
				t.Fatal(err)
			}
		}
		var waiting sync.WaitGroup
		ctx, leave := context.WithCancel(t.Context())
		for range 10 {
			waiting.Go(func() { _ = ts.enter(ctx, classInvoice) })
		}
		synctest.Wait()
		soon(false, "many wait")
		if !ts.soon(classSession) {
			t.Error("a session waits for no invoice")
		}
		leave()
		waiting.Wait()
		soon(true, "nobody waits any more")
		for range 4 {
			ts.leave()
		}
		ts.hold(time.Minute)
		soon(false, "the vendor asks all to wait")
		time.Sleep(time.Minute)
		ts.close(errors.New("paused"))
		soon(false, "the worker is paused")
		ts.close(nil)
		call(time.Second)
		soon(false, "calls take long")
	})
}
