package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/sony/gobreaker/v2"
)

// The circuit opens after this many failed calls in a row, over at least this many events: a single event that the vendor
// chokes on does not stop the others.
const (
	circuitFailures = 20
	circuitEvents   = 5
)

// probeEvery is how long the vendor is left alone at the most while the circuit is open.
const probeEvery = 5 * time.Second

// errUncounted marks a call that says nothing about the vendor's health.
var errUncounted = errors.New("says nothing about the vendor")

// circuit tells when the vendor as a whole is down. Each call is reported to it; calls that began before it opened no
// longer count.
type circuit struct {
	failures uint32 // in a row, that open it
	breaker  *gobreaker.TwoStepCircuitBreaker[struct{}]

	mu      sync.Mutex
	failing map[string]struct{} // the events of the present run of failures
	tripped bool                // open at the next failure, whatever the run
}

// newCircuit returns a closed circuit. changed is told whenever it opens (true) or closes; it must not call back.
func newCircuit(changed func(open bool)) *circuit {
	c := &circuit{failures: circuitFailures, failing: map[string]struct{}{}}
	c.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        "vendor",
		MaxRequests: 1,
		Timeout:     time.Millisecond, // the probes set the pace, not the breaker's clock
		ReadyToTrip: c.readyToTrip,
		IsExcluded:  func(err error) bool { return errors.Is(err, errUncounted) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch {
			case to == gobreaker.StateClosed:
				c.forget()
				changed(false)
			case from == gobreaker.StateClosed:
				changed(true)
			}
		},
	})
	return c
}

func (c *circuit) readyToTrip(counts gobreaker.Counts) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tripped || (counts.ConsecutiveFailures >= c.failures && len(c.failing) >= circuitEvents)
}

// begin announces a call for an event and returns how to report its outcome.
func (c *circuit) begin(event string) func(error) {
	done, err := c.breaker.Allow()
	if err != nil { // it opened between the turnstile and here
		return func(error) {}
	}
	return func(err error) {
		switch {
		case err == nil:
			c.forget()
		case !errors.Is(err, errUncounted):
			c.mu.Lock()
			c.failing[event] = struct{}{}
			c.mu.Unlock()
		}
		done(err)
	}
}

func (c *circuit) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tripped = false
	clear(c.failing)
}

// isOpen reports whether the vendor is taken to be down.
func (c *circuit) isOpen() bool { return c.breaker.State() != gobreaker.StateClosed }

// trip opens the circuit at once: a probe found nobody there.
func (c *circuit) trip() {
	c.mu.Lock()
	c.tripped = true
	c.mu.Unlock()
	if done, err := c.breaker.Allow(); err == nil {
		done(errors.New("probe not answered"))
	}
}

// closeAfter probes until the vendor answers or ctx ends, and closes the circuit. A probe that hangs does not keep the
// next one from being sent.
func (c *circuit) closeAfter(ctx context.Context, probe func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pace := backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second), backoff.WithMultiplier(2),
		backoff.WithMaxInterval(probeEvery), backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0))
	there := make(chan struct{}, 1)
	for c.isOpen() {
		select {
		case <-ctx.Done():
			return
		case <-there:
			if done, err := c.breaker.Allow(); err == nil {
				done(nil)
			}
			continue
		case <-time.After(pace.NextBackOff()):
		}
		go func() {
			if answered(probe(ctx)) {
				select {
				case there <- struct{}{}:
				default:
				}
			}
		}()
	}
}
