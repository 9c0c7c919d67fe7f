package torture

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
)

// strike begins a fault before the events of its round come, as far as they are to meet it, and returns the rest, which is
// done when they are in work. What lets the others go on meanwhile lasts in the background.
func (t *trial) strike(ctx context.Context, k *strike) (then func() error, err error) {
	w := t.crew.workers[k.worker]
	switch k.fault {
	case Kill:
		aim := t.vendor.aim(k.worker)
		return func() error {
			t.await(ctx, k, aim)
			defer t.noteStrike(k)()
			return t.crew.kill(ctx, w)
		}, nil
	case Stop:
		aim := t.vendor.aim(k.worker)
		return func() error {
			t.await(ctx, k, aim)
			t.pause(ctx, w, k)
			return nil
		}, nil
	case Leave:
		aim := t.vendor.aim(k.worker)
		return func() error {
			t.await(ctx, k, aim)
			t.leave(ctx, w, k)
			return nil
		}, nil
	case NATS, Redis, Flush:
		return func() error {
			rest(ctx, k.after)
			if k.outage != nil {
				return t.outage(ctx, k)
			}
			defer t.noteStrike(k)()
			if k.fault == Flush {
				return t.insist(ctx, func(ctx context.Context) error { return t.servers.Flush(ctx, t.prefix()) })
			}
			return t.restart(ctx, k)
		}, nil
	case Cut, Slow:
		return nothing, t.disturb(ctx, w, k)
	case Unavailable:
		return t.refuse(ctx, k)
	default:
		defer t.noteStrike(k)()
		t.script(k)
		return nothing, nil
	}
}

func nothing() error { return nil }

// await waits for the moment that a strike is aimed at.
func (t *trial) await(ctx context.Context, k *strike, aim func(context.Context)) {
	if k.aimed {
		aim(ctx)
		rest(ctx, k.after)
	}
}

// pause stops a worker for a while.
func (t *trial) pause(ctx context.Context, w *workerProcess, k *strike) {
	record := t.noteStrike(k)
	p, paused := w.pause()
	t.last(record, func() {
		rest(ctx, k.lasts)
		if paused {
			w.resume(p)
		}
	})
}

// leave asks a worker to end; another comes when the place has been empty for a while.
func (t *trial) leave(ctx context.Context, w *workerProcess, k *strike) {
	if !w.stays() {
		return
	}
	t.last(t.noteStrike(k), func() {
		if err := w.dismiss(); err != nil {
			w.fail(err)
		}
		rest(ctx, k.lasts)
		if ctx.Err() == nil {
			t.fail(t.crew.start(ctx, w, always))
		}
	})
}

// noteStrike writes a strike down; what it returns is called at its end.
func (t *trial) noteStrike(k *strike) (ended func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	number := len(t.strikes)
	t.strikes = append(t.strikes, Struck{Fault: k.fault, What: k.String(), Forgets: k.forgets(), Begun: time.Now()})
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.strikes[number].Ended = time.Now()
	}
}

// last does the rest of a strike in the background.
func (t *trial) last(record, rest func()) {
	t.beside.Go(func() {
		defer record()
		rest()
	})
}

// fail ends the trial: what it needs cannot be done.
func (t *trial) fail(err error) {
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.failed = errors.Join(t.failed, err)
	}
}

func (t *trial) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *trial) restart(ctx context.Context, k *strike) error {
	if k.fault == NATS {
		return t.servers.RestartNATS(ctx, k.hard, k.lasts)
	}
	return t.servers.RestartRedis(ctx, k.hard, k.lasts)
}

// disturb cuts or slows the connections of a worker. Where no proxy stands before a server, the vendor's are taken.
func (t *trial) disturb(ctx context.Context, w *workerProcess, k *strike) error {
	record := t.noteStrike(k)
	wire := w.wires[k.wire]
	if wire == nil {
		wire = w.wires[wireVendor]
	}
	if k.fault == Cut {
		wire.cut()
		t.last(record, func() {
			rest(ctx, k.lasts)
			t.fail(wire.mend())
		})
		return nil
	}
	if err := wire.slow(k.latency()); err != nil {
		return err
	}
	t.last(record, func() {
		rest(ctx, 2*k.lasts)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		t.fail(wire.quicken(ctx))
	})
	return nil
}

// script is for the faults of the vendor's.
func (t *trial) script(k *strike) {
	anyCall := conomytest.Match{PathContains: sandboxPath + "/"}
	switch k.fault {
	case Failure:
		fault := conomytest.Failure(k.code)
		fault.Times, fault.AfterWork = k.times, k.hard
		if k.code == 502 || k.code == 504 { // a gateway's
			fault.Body = "<html><body>" + fmt.Sprint(k.code) + "</body></html>"
		}
		t.vendor.Script(anyCall, fault)
	case Limit:
		fault := conomytest.Failure(429)
		fault.Times, fault.Headers = k.times, map[string]string{"Retry-After": "1"}
		t.vendor.Script(anyCall, fault)
	case Hang:
		for _, endpoint := range []string{conomytest.EndpointCreatePaymentLink, conomytest.EndpointCreateCheckoutSession} {
			t.vendor.Script(conomytest.Match{PathContains: sandboxPath + "/", Endpoint: endpoint}, conomytest.Fault{AfterWork: true, Hang: !k.aimed, Cut: k.aimed, Times: k.times})
		}
	case Tokens:
		t.vendor.RevokeTokens()
	}
}

// refuse lets LINKS and DEADLETTERS take nothing for a while, as when a cluster has no leader for them, and kills the workers
// that wait for them.
func (t *trial) refuse(ctx context.Context, k *strike) (then func() error, err error) {
	record := t.noteStrike(k)
	restores := make([]func() error, 0, 2)
	for _, name := range []string{events.StreamLinks, events.StreamDeadLetters} {
		restore, err := t.full(ctx, name)
		if err != nil {
			return nil, err
		}
		restores = append(restores, restore)
	}
	aim := t.vendor.aim(anyWorker)
	return func() error {
		defer record()
		aim(ctx)
		rest(ctx, k.lasts/2)
		var errs []error
		if slices.Contains(t.Faults, Kill) {
			for _, w := range t.crew.workers {
				errs = append(errs, t.crew.kill(ctx, w))
			}
		}
		rest(ctx, k.lasts/2)
		for _, restore := range restores {
			errs = append(errs, restore())
		}
		return errors.Join(errs...)
	}, nil
}

// full makes a stream refuse whatever is published to it.
func (t *trial) full(ctx context.Context, name string) (restore func() error, err error) {
	var stream jetstream.Stream
	err = t.insist(ctx, func(ctx context.Context) (err error) {
		stream, err = t.js.Stream(ctx, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	was := stream.CachedInfo().Config
	full := was
	full.Discard, full.MaxMsgs = jetstream.DiscardNew, max(1, int64(stream.CachedInfo().State.Msgs)) // #nosec G115 -- no stream holds 2⁶³ messages
	update := func(ctx context.Context, to jetstream.StreamConfig) error {
		return t.insist(ctx, func(ctx context.Context) error {
			_, err := t.js.UpdateStream(ctx, to)
			return err
		})
	}
	return func() error { return update(context.WithoutCancel(ctx), was) }, update(ctx, full)
}
