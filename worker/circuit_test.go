package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkworker/linkworker/conomy"
)

var errVendor = &conomy.Error{Kind: conomy.KindStatus, Status: 500, Documented: true}

func TestCircuitOpensAfterTwentyFailuresOverFiveEvents(t *testing.T) {
	for _, c := range []struct {
		events, failures int
		open             bool
	}{{5, 19, false}, {5, 20, true}, {4, 200, false}, {20, 20, true}, {20, 19, false}} {
		t.Run(fmt.Sprintf("%d over %d", c.failures, c.events), func(t *testing.T) {
			ci := newCircuit(func(bool) {})
			for i := range c.failures {
				ci.begin(fmt.Sprint(i % c.events))(errVendor)
			}
			if ci.isOpen() != c.open {
				t.Errorf("open: %v", ci.isOpen())
			}
		})
	}
}

func TestOneSuccessBeginsARunAnew(t *testing.T) {
	ci := newCircuit(func(bool) {})
	for i := range 100 {
		ci.begin(fmt.Sprint(i))(errVendor)
		if i%19 == 0 {
			ci.begin("ok")(nil)
		}
		ci.begin("limited")(errUncounted)
	}
	if ci.isOpen() {
		t.Error("open")
	}
}

func TestCallsThatBeganBeforeItOpenedDoNotCloseIt(t *testing.T) {
	ci := newCircuit(func(bool) {})
	early := ci.begin("early")
	ci.trip()
	if !ci.isOpen() {
		t.Fatal("closed")
	}
	early(nil)
	if !ci.isOpen() {
		t.Error("closed by a call of before")
	}
}

func TestProbesCloseTheCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []bool
		ci := newCircuit(func(open bool) { changes = append(changes, open) })
		ci.trip()
		started := time.Now()
		var probes atomic.Int64
		ci.closeAfter(t.Context(), func(ctx context.Context) error {
			switch n := probes.Add(1); {
			case n < 4:
				return errors.New("no connection")
			case n == 4: // hangs, and does not keep the next one from being sent
				<-ctx.Done()
				return ctx.Err()
			default:
				return &conomy.Error{Kind: conomy.KindStatus, Status: 404, Documented: true}
			}
		})
		if ci.isOpen() || fmt.Sprint(changes) != "[true false]" {
			t.Errorf("open %v, changes %v", ci.isOpen(), changes)
		}
		if took := time.Since(started); took != (1+2+4+5+5)*time.Second {
			t.Errorf("closed after %v", took)
		}
		synctest.Wait()
	})
}
