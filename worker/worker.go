// Package worker turns events of billing systems into payment links and checkout sessions: one recorded outcome for every
// event, one link for every checkoutToken, one link.created for every link, whatever crashes.
//
// # The way of one event
//
//	receive ─ decode ─ claim ─ call ─ record ─ publish ─ settle
//	   │        │        │       │       │        │        └ settle.go: the only place that acknowledges or gives back
//	   │        │        │       │       │        └ publish.go: link.created, deterministic id, acknowledged by its stream
//	   │        │        │       │       └ what the vendor answered, before anyone is told
//	   │        │        │       └ invoice.go, session.go: with backoff; a call slot is held during a call, never a sleep
//	   │        │        └ take.go: ours · a duplicate · recorded but unpublished · busy · a conflict
//	   │        └ three forms, one value; what cannot be read has its verdict already
//	   └ receive.go: two consumers; tend.go keeps message and claim alive beside the work
//
// process.go is that way from top to bottom. Each step returns a value or an error; judge (verdict.go) turns the error into
// a verdict (done, later, dead, leave), settle carries it out. There is no recovery code: after a crash the server delivers
// the event again, and it goes on at what is recorded (see package claim).
//
// # Whose fault is it?
//
//   - The event's: a dead letter at once (die.go).
//   - The moment's: backoff, an attempt used up (retry.go).
//   - The vendor's as a whole: the circuit opens, consumption pauses, nothing is used up (circuit.go).
//   - The operator's or ours, credentials or Redis: consumption pauses and readiness fails (gate.go).
//
// fault.go is the one place that knows which answer of the vendor means which.
//
// # Three walls
//
// A second link or a second link.created is kept out by the claim in Redis, by the vendor's unique checkoutToken (a 409 is
// looked up and compared), and by the streams' duplicate window on deterministic ids. Where the claim falls the other two
// hold everywhere. What the 409 alone guards is a crash between the vendor's answer and the record, what the window alone
// guards is one between a stream's acknowledgement and what notes it: TestWalls counts what is there twice without them.
//
// # What is bounded
//
// Messages in work and asked for: by number and bytes for each consumer (window.go). Calls at once: Settings.Concurrency
// (turnstile.go). Sleeping retries: maxSleepers and maxSleeperBytes. A look-up: maxPages. The vendor's answers: package
// conomy. The way out: Settings.ShutdownTimeout.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/topology"
)

// Settings is how a worker behaves. Every field but RateLimit, RedisPrefix and Merchant must be set.
type Settings struct {
	Concurrency     int     // calls to the vendor at once
	RateLimit       float64 // calls a second over all workers that share Redis and prefix; 0: no limit
	RedisPrefix     string
	Retry           Retry
	SessionWait     time.Duration // how long a session waits for its link
	DedupTTL        time.Duration // how long a token is remembered, counted from last sight
	ClaimTTL        time.Duration // how long a dead worker's claim holds others off
	ShutdownTimeout time.Duration
	Merchant        Merchant
	CheckoutURL     string // for a session whose answer and link have no URL; no slash at its end
	Source          string // ce-source of what is published
	Version         string // of the program, for dead letters
	Topology        topology.Settings
	// Credentials reads the vendor's credentials again, while the vendor refuses those that are in use.
	Credentials func() (conomy.Credentials, error)
}

// Parts is what a worker works with. It closes none of them.
type Parts struct {
	NATS    *nats.Conn
	Redis   redis.UniversalClient
	Vendor  *conomy.Client
	Metrics *Metrics
	Log     *slog.Logger
}

// Worker is one process's share of the work. Run as many as you like on the same streams and the same Redis.
type Worker struct {
	settings Settings
	nats     *nats.Conn
	js       jetstream.JetStream
	vendor   *conomy.Client
	metrics  *Metrics
	log      *slog.Logger

	claims    *claim.Store
	streams   *streams
	turnstile *turnstile
	gate      *gate
	circuit   *circuit
	lookups   *lookups
	sleepers  sleepers
	tender    tender
	receivers []*receiver

	reconnected reconnects
	stopping    chan struct{} // closed when the worker is asked to end

	// reached is called after each step of an event's way, so that a test can end or stop the worker exactly there. Only
	// tests of this package can set it.
	reached func(*delivery, step)

	receiving sync.WaitGroup // requests for messages
	crew      *crew          // deliveries
	beside    sync.WaitGroup // everything in the background
	besideCtx context.Context
	workCtx   context.Context // of the deliveries: outlives the order to stop
}

// New returns a worker that stands on the streams and consumers that [topology.Ensure] found.
func New(s Settings, p Parts, found *topology.Topology) (*Worker, error) {
	js, err := jetstream.New(p.NATS)
	if err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	w := &Worker{
		settings: s, nats: p.NATS, js: js, vendor: p.Vendor, metrics: p.Metrics, log: p.Log,
		claims:  claim.New(p.Redis, s.RedisPrefix, s.DedupTTL, s.ClaimTTL),
		streams: newStreams(js, s.Topology, found),
		tender:  tender{held: map[*delivery]struct{}{}},
		reached: func(*delivery, step) {}, stopping: make(chan struct{}),
	}
	w.turnstile = newTurnstile(s.Concurrency, sharedRate(p.Redis, s.RedisPrefix, s.RateLimit))
	w.gate = newGate(w.turnstile, p.Metrics.paused)
	w.circuit = newCircuit(w.circuitChanged)
	w.lookups = newLookups(w.lookupPage)
	w.crew = newCrew(w.handle, w.stopping)
	// A backlog must never leave a call slot idle while the next events are on their way: six events for each slot.
	w.receivers = []*receiver{
		{
			worker: w, subject: events.SubjectSessionRequested, consumer: events.ConsumerSessions, class: classSession,
			window: newWindow(2*s.Concurrency+16, windowBytes),
		},
		{
			worker: w, subject: events.SubjectInvoiceIssued, consumer: events.ConsumerInvoices, class: classInvoice,
			window: newWindow(6*s.Concurrency+16, windowBytes),
		},
	}
	return w, nil
}

// Run works until ctx ends, then takes nothing new, finishes what is in a call, gives the rest back, and returns nil within
// Settings.ShutdownTimeout. A worker runs once.
func (w *Worker) Run(ctx context.Context) error {
	beside, endBeside := context.WithCancel(context.WithoutCancel(ctx))
	defer endBeside()
	work, endWork := context.WithCancel(context.WithoutCancel(ctx))
	defer endWork()
	w.besideCtx, w.workCtx = beside, work

	w.background(w.keepSignalling)
	w.background(w.keepRenewing)
	w.background(func(ctx context.Context) { w.reconnected.watch(ctx, w.nats) })
	w.background(func(ctx context.Context) { w.turnstile.meter(ctx, w.redisAway) })
	w.background(w.watchRedis)
	w.background(w.tryCredentials)
	for _, r := range w.receivers {
		w.receiving.Go(func() { r.run(ctx) })
	}
	<-ctx.Done()
	end := time.Now().Add(w.settings.ShutdownTimeout)
	w.log.Info("stopping: taking nothing new, finishing or giving back what is in work", "within", w.settings.ShutdownTimeout.String())
	close(w.stopping)
	w.gate.close(pauseStopping, errors.New("asked to end"))
	w.receiving.Wait()

	// The last fifth of the time is for giving back what did not finish in the rest.
	reserve := w.settings.ShutdownTimeout / 5
	if !within(time.Until(end)-reserve, w.crew.inWork.Wait) {
		w.log.Warn("some calls did not end in time; they are given up, and their events come again")
		endWork()
		if !within(time.Until(end)-reserve/2, w.crew.inWork.Wait) {
			w.log.Warn("some events could not be given back; they come again after the acknowledgement wait")
		}
	}
	endBeside()
	within(min(settleTimeout, time.Until(end)-reserve/4), w.beside.Wait)
	if err := w.nats.FlushTimeout(max(reserve/4, time.Until(end))); err != nil && w.nats.IsConnected() {
		w.log.Warn("the last acknowledgements may not have arrived; those events come again", "error", err)
	}
	return nil
}

// within reports whether wait returned in time.
func within(d time.Duration, wait func()) bool {
	done := make(chan struct{})
	go func() {
		wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

// background runs something beside the work until the worker ends.
func (w *Worker) background(run func(context.Context)) {
	w.beside.Go(func() { run(w.besideCtx) })
}

// handle is one delivery from its arrival to its end.
func (w *Worker) handle(h *hand, d *delivery) {
	defer d.place.free()
	d.hand = h
	ctx, clean := h.begin(w.workCtx, d), false
	defer func() { h.end(clean) }()
	w.tender.add(d)
	defer w.tender.remove(d)
	w.metrics.inWork.Inc()
	defer w.metrics.inWork.Dec()
	defer func() {
		if r := recover(); r != nil { // on the way out; the event comes again
			w.logPanic(d.name(), r)
		}
	}()

	d.lapped = time.Now()
	w.reached(d, stepReceived)
	result, err := w.guarded(ctx, d)
	v := judge(ctx, result, err)
	w.reached(d, stepJudged)
	w.settle(ctx, d, v)
	w.reached(d, stepSettled)
	clean = v.fate == fateDone
}

// guarded keeps a panic in the work on one event from ending the process.
func (w *Worker) guarded(ctx context.Context, d *delivery) (result string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{what: w.logPanic(d.name(), r)}
		}
	}()
	if err := w.gate.err(); err != nil {
		return "", err
	}
	return w.process(ctx, d)
}

// logPanic says what can be said of a panic: its value may quote the event, what the runtime says does not.
func (w *Worker) logPanic(event string, r any) (what string) {
	what = fmt.Sprintf("%T", r)
	if fault, ok := r.(runtime.Error); ok {
		what = fault.Error()
	}
	w.log.Error("panic while working on an event", "event", event, "panic", what, "stack", string(debug.Stack()))
	return what
}

func (w *Worker) lookupPage(ctx context.Context, c class, filter conomy.PaymentLinkFilter) (page *conomy.PaymentLinkPage, err error) {
	if err := w.turnstile.enter(ctx, c); err != nil {
		return nil, err
	}
	defer w.turnstile.leave()
	err = w.observed(ctx, "look-up", func(ctx context.Context) (err error) {
		page, err = w.vendor.ListPaymentLinks(ctx, filter)
		return err
	})
	return page, err
}
