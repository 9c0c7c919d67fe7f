package worker

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// pause is a reason for which the whole worker stands still: a fault that is no event's own.
type pause string

const (
	pauseRedis       pause = "redis"       // nothing is processed without deduplication
	pauseCredentials pause = "credentials" // the vendor refuses ours
	pauseCircuit     pause = "circuit"     // the vendor is down
	pauseStopping    pause = "stopping"    // asked to end: the pause that does not end
)

// pauses lists all reasons, in the order in which they are reported.
var pauses = []pause{pauseRedis, pauseCredentials, pauseCircuit, pauseStopping}

// errPaused turns away what is not in a call while the worker is paused.
type errPaused struct{ why string }

func (e *errPaused) Error() string { return "paused: " + e.why }

// gate knows whether the worker is paused, and why. While it is shut nothing is taken from the streams, the turnstile
// lets nobody in, and those who sleep are woken to be given back.
type gate struct {
	turnstile *turnstile
	gauge     *prometheus.GaugeVec // 1 for each reason that stands

	mu      sync.Mutex
	reasons map[pause]error
	shut    chan struct{} // closed while the gate is shut
	open    chan struct{} // closed while the gate is open
}

func newGate(t *turnstile, gauge *prometheus.GaugeVec) *gate {
	g := &gate{turnstile: t, gauge: gauge, reasons: map[pause]error{}, shut: make(chan struct{}), open: make(chan struct{})}
	close(g.open)
	return g
}

// close adds a reason and reports whether it is new. The last word on a reason counts.
func (g *gate) close(p pause, why error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, known := g.reasons[p]
	if len(g.reasons) == 0 {
		close(g.shut)
		g.open = make(chan struct{})
	}
	g.reasons[p] = why
	g.gauge.WithLabelValues(string(p)).Set(1)
	g.turnstile.close(&errPaused{why: g.describe()})
	return !known
}

// reopen takes a reason away and reports whether it stood.
func (g *gate) reopen(p pause) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.reasons[p]; !known {
		return false
	}
	delete(g.reasons, p)
	g.gauge.WithLabelValues(string(p)).Set(0)
	if len(g.reasons) == 0 {
		close(g.open)
		g.shut = make(chan struct{})
		g.turnstile.close(nil)
	} else {
		g.turnstile.close(&errPaused{why: g.describe()})
	}
	return true
}

// opened is closed as long as the worker may work.
func (g *gate) opened() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// closed is closed as long as the worker is paused.
func (g *gate) closed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// err is nil while the gate is open, else an errPaused with every reason.
func (g *gate) err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.reasons) == 0 {
		return nil
	}
	return &errPaused{why: g.describe()}
}

// because returns why the worker is paused for p; nil when it is not.
func (g *gate) because(p pause) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reasons[p]
}

func (g *gate) describe() string {
	var all []string
	for p, why := range g.reasons {
		all = append(all, fmt.Sprintf("%s: %v", p, why))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}
