package worker

import (
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
)

// dieAt makes a worker die exactly after a step, the first time any event gets there.
func dieAt(at step, died chan<- struct{}) func(*running) {
	return func(r *running) {
		var once atomic.Bool
		r.reached = func(s step) {
			if s == at && once.CompareAndSwap(false, true) {
				r.kill()
				close(died)
			}
			if r.killed.Load() {
				runtime.Goexit() // nothing more happens in a dead process
			}
		}
	}
}

// stallAt makes a worker stand still after a step until it is let go, with its leases running out: nobody renews them.
func stallAt(at step, stalled chan<- struct{}, letGo <-chan struct{}) func(*running) {
	return func(r *running) {
		var once atomic.Bool
		r.reached = func(s step) {
			if s == at && once.CompareAndSwap(false, true) {
				r.tender.mu.Lock() // the tender stands still, too
				close(stalled)
				<-letGo
				r.tender.mu.Unlock()
			}
		}
	}
}

var (
	livingSteps = []step{stepReceived, stepDecoded, stepClaimed, stepCalled, stepRecorded, stepPublished, stepMarked, stepJudged, stepSettled}
	dyingSteps  = []step{stepReceived, stepDecoded, stepClaimed, stepJudged, stepBuried, stepLetter, stepFailed, stepClosed, stepSettled}
)

// ways are the kinds of an event's way; expect is links, sessions, link.created, dead letters.
var ways = []struct {
	name    string
	steps   []step
	prepare func(*world)
	publish func(*world)
	expect  [4]int
	spare   int // sessions that a crash may leave unused at the vendor
}{
	{
		name: "invoice", steps: livingSteps,
		publish: func(w *world) { w.invoice("inv-1") },
		expect:  [4]int{1, 0, 1, 0},
	},
	{
		name: "session", steps: livingSteps,
		prepare: func(w *world) { w.makeLinkAtVendor("inv-1") },
		publish: func(w *world) { w.session("inv-1", "r1") },
		expect:  [4]int{1, 1, 1, 0}, spare: 1,
	},
	{
		name: "rejected", steps: dyingSteps,
		prepare: func(w *world) {
			w.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink},
				always(conomytest.Refusal(http.StatusUnprocessableEntity, "21", "failedPrecondition", "no")))
		},
		publish: func(w *world) { w.invoice("inv-1") },
		expect:  [4]int{0, 0, 0, 1},
	},
	{
		name: "invalid", steps: []step{stepReceived, stepJudged, stepBuried, stepLetter, stepFailed, stepClosed, stepSettled},
		publish: func(w *world) { w.publish(events.SubjectInvoiceIssued, nil, `{"checkoutToken":"inv-1"}`) },
		expect:  [4]int{0, 0, 0, 1},
	},
	{
		name: "unreadable", steps: []step{stepReceived, stepJudged, stepBuried, stepLetter, stepFailed, stepClosed, stepSettled},
		publish: func(w *world) { w.publish(events.SubjectSessionRequested, nil, `{`) },
		expect:  [4]int{0, 0, 0, 1},
	},
}

func always(f conomytest.Fault) conomytest.Fault {
	f.Always = true
	return f
}

func (w *world) check(expect [4]int, spare int) {
	w.t.Helper()
	sessions := len(w.vendor.Sessions())
	if sessions < expect[1] || sessions > expect[1]+spare {
		w.t.Errorf("%d sessions", sessions)
	}
	w.count(expect[0], sessions, expect[2], expect[3])
}

// atEveryStep does something to a worker in every gap of every way, and checks the outcome.
func atEveryStep(t *testing.T, do func(*world, step)) {
	for _, way := range ways {
		for _, at := range way.steps {
			t.Run(way.name+"/"+string(at), func(t *testing.T) {
				each(t, func(w *world) {
					w.ready()
					if way.prepare != nil {
						way.prepare(w)
					}
					way.publish(w)
					do(w, at)
					w.check(way.expect, way.spare)
				})
			})
		}
	}
}

// TestCrashAtEveryStep kills a worker in every gap between two steps; the next worker brings the event to its one end.
func TestCrashAtEveryStep(t *testing.T) {
	atEveryStep(t, func(w *world, at step) {
		died := make(chan struct{})
		w.start(dieAt(at, died))
		wait(w.t, died)
		w.start(nil)
		w.settled()
	})
}

// TestStallAtEveryStep stops a worker in every gap for longer than its lease and its acknowledgement wait, lets another
// one bring the event to its end, and then lets the first go on.
func TestStallAtEveryStep(t *testing.T) {
	atEveryStep(t, func(w *world, at step) {
		stalled, letGo := make(chan struct{}), make(chan struct{})
		first := w.start(stallAt(at, stalled, letGo))
		wait(w.t, stalled)
		w.start(nil)
		w.settled()
		close(letGo)
		first.halt()
		w.settled()
	})
}

func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("the step was never reached")
	}
}
