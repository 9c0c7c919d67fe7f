package torture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
)

// aimFor is how long an aimed strike waits for its mark.
const aimFor = 500 * time.Millisecond

// strike does a fault. Those that let the others go on meanwhile last in the background.
func (t *trial) strike(ctx context.Context, k *strike) error {
	w := t.crew.workers[k.worker]
	if k.aimed && (k.fault == Kill || k.fault == Stop) {
		t.vendor.nextAnswer(ctx, k.worker, aimFor)
		rest(ctx, k.after)
	}
	record := t.noteStrike(k)
	switch k.fault {
	case Kill:
		defer record()
		return t.crew.kill(ctx, w)
	case Stop:
		p, paused := w.pause()
		t.last(record, func() {
			rest(ctx, k.lasts)
			if paused {
				w.resume(p)
			}
		})
		return nil
	case NATS, Redis:
		defer record()
		return t.restart(ctx, k)
	case Flush:
		defer record()
		return t.servers.Flush(ctx, t.prefix())
	case Cut, Slow:
		return t.disturb(ctx, w, k, record)
	case Unavailable:
		defer record()
		return t.refuse(ctx, w, k)
	default:
		defer record()
		t.script(k)
		return nil
	}
}

// noteStrike writes a strike down; what it returns is called at its end.
func (t *trial) noteStrike(k *strike) (ended func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	number := len(t.strikes)
	t.strikes = append(t.strikes, Struck{Fault: k.fault, What: k.String(), Begun: time.Now()})
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

func (t *trial) restart(ctx context.Context, k *strike) error {
	if restart := t.Restart[k.fault]; restart != nil {
		return restart(ctx)
	}
	if k.fault == NATS {
		return t.servers.RestartNATS(ctx, k.hard, k.lasts)
	}
	return t.servers.RestartRedis(ctx, k.hard, k.lasts)
}

// disturb cuts or slows the connections of a worker. Where no proxy stands before a server, the vendor's are taken.
func (t *trial) disturb(ctx context.Context, w *workerProcess, k *strike, record func()) error {
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

// refuse lets LINKS and DEADLETTERS take nothing for a while, as when a cluster has no leader for them, and kills a worker
// that waits for them.
func (t *trial) refuse(ctx context.Context, w *workerProcess, k *strike) error {
	restores := make([]func() error, 0, 2)
	for _, name := range []string{events.StreamLinks, events.StreamDeadLetters} {
		restore, err := t.full(ctx, name)
		if err != nil {
			return err
		}
		restores = append(restores, restore)
	}
	t.vendor.nextAnswer(ctx, k.worker, aimFor)
	rest(ctx, k.lasts/2)
	killed := error(nil)
	if t.does(Kill) {
		killed = t.crew.kill(ctx, w)
	}
	rest(ctx, k.lasts/2)
	errs := []error{killed}
	for _, restore := range restores {
		errs = append(errs, restore())
	}
	return errors.Join(errs...)
}

// full makes a stream refuse whatever is published to it.
func (t *trial) full(ctx context.Context, name string) (restore func() error, err error) {
	stream, err := t.js.Stream(ctx, name)
	if err != nil {
		return nil, err
	}
	was := stream.CachedInfo().Config
	full := was
	full.Discard, full.MaxMsgs = jetstream.DiscardNew, max(1, int64(stream.CachedInfo().State.Msgs))
	if _, err := t.js.UpdateStream(ctx, full); err != nil {
		return nil, err
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_, err := t.js.UpdateStream(ctx, was)
		return err
	}, nil
}

func (t *trial) does(fault Fault) bool {
	for _, f := range t.Faults {
		if f == fault {
			return true
		}
	}
	return false
}
