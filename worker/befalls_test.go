package worker

import (
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sony/gobreaker/v2"
)

// What befalls an event, or its worker, on its way.

// befall is called where an event passes a step for the nth time in a worker.
type befall func(l *life, d *delivery, nth int)

func nothing(*life, *delivery, int) {}

// at lets the same befall an event at several steps.
func at(what befall, steps ...step) map[step]befall {
	all := map[step]befall{}
	for _, s := range steps {
		all[s] = what
	}
	return all
}

// once is what befalls an event the first time only.
func once(what func(*life, *delivery)) befall {
	return func(l *life, d *delivery, nth int) {
		if nth == 1 {
			what(l, d)
		}
	}
}

// standStill lasts until the lease has ended. The message stays ours, so that nobody takes the event over.
func standStill(_ *life, d *delivery) {
	c := d.claim.Swap(nil) // the tender does not see it
	for c.Sure() {
		time.Sleep(10 * time.Millisecond)
	}
	d.claim.Store(c)
}

// panics is a fault in the worker's own code.
func panics(*life, *delivery, int) { panic("at a step") }

func panicsOnce(*life, *delivery) { panic("at a step") }

// openCircuit opens the worker's circuit, as the failures of other events do, and lets the event go on when it is half open.
// The vendor answers no probe before the event has ended this delivery. In a worker that stops its events the circuit opens
// for all at once, when those who do not stand are there: each of them meets it open at its own step.
func openCircuit(l *life, d *delivery) {
	l.gather(d)
	l.circuit.trip()
	for l.circuit.breaker.State() == gobreaker.StateOpen { // by the breaker's own clock
		time.Sleep(time.Millisecond)
	}
}

// meetHalfOpen is openCircuit for an event whose call is answered, and closes the circuit: the others have met it by then.
func meetHalfOpen(l *life, d *delivery) {
	openCircuit(l, d)
	l.stage.last.Add(1)
	defer l.stage.last.Add(-1)
	for l.stage.down.Load() > l.stage.last.Load() {
		time.Sleep(time.Millisecond)
	}
}

// gather waits until each event of the stage is here or stands.
func (l *life) gather(d *delivery) {
	p := l.stage.partOf(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gathered[p], l.within[p] = true, true
	l.stage.down.Add(1)
	for l.gathers && !l.complete() {
		l.mu.Unlock()
		time.Sleep(time.Millisecond)
		l.mu.Lock()
	}
}

func (l *life) complete() bool {
	select {
	case <-l.over:
		return true
	default:
	}
	for _, p := range l.stage.parts {
		if _, stands := l.standing[p]; !stands && !l.gathered[p] {
			return false
		}
	}
	return true
}

// leaves ends an event's part in keeping the vendor silent. The caller holds the lock.
func (l *life) leaves(p *part) {
	if l.within[p] {
		delete(l.within, p)
		l.stage.down.Add(-1)
	}
}

// frontVendor stands before the vendor, which answers no probe, a list call for one link, as long as an event will have it so.
func (s *stage) frontVendor() {
	s.t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet && req.URL.Query().Get("limit") == "1" && s.down.Load() > 0 {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		s.vendor.ServeHTTP(rw, req)
	}))
	s.t.Cleanup(front.Close)
	s.vendorURL = front.URL + "/sandbox"
}
