package worker

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/worker/claim"
)

// ask makes one call to the vendor for an event: it waits for a call slot, calls, and tells those who watch the vendor as
// a whole (the turnstile's hold, the circuit, the credentials) what came of it. What it means for the event is not
// decided here.
func (w *Worker) ask(ctx context.Context, d *delivery, call func(context.Context) error) error {
	noted, err := w.askInSlot(ctx, d, call)
	lost := <-noted
	w.reached(d, stepCalled)
	if lost != nil {
		return lost
	}
	return err
}

func (w *Worker) askInSlot(ctx context.Context, d *delivery, call func(context.Context) error) (noted <-chan error, err error) {
	d.lapped = time.Now() // a rest may lie before it
	if err := w.turnstile.enter(ctx, d.class); err != nil {
		return nothingNoted, err
	}
	defer w.turnstile.leave()
	w.lap(d, lapSlot)
	w.reached(d, stepCalling)
	noted, err = w.noteCall(ctx, d)
	if err != nil {
		return noted, err
	}
	w.lap(d, lapNote)
	defer w.lap(d, lapCall)
	return noted, w.observed(ctx, d.name(), call)
}

// nothingNoted is the answer where nothing was to be noted.
var nothingNoted = func() <-chan error {
	c := make(chan error)
	close(c)
	return c
}()

// noteCall notes with the claim that a call begins. The slot does not wait for Redis: noted tells, beside the call, whether
// the claim is lost. That it is ours is known well enough by the lease; should Redis have lost its memory within it, the
// other walls stand.
func (w *Worker) noteCall(ctx context.Context, d *delivery) (noted <-chan error, err error) {
	c := d.claim.Load()
	if c == nil {
		return nothingNoted, nil
	}
	if err := w.makeSure(ctx, d, c, w.note); err != nil {
		return nothingNoted, err
	}
	if c.Calling() {
		return nothingNoted, nil
	}
	answer := make(chan error, 1)
	go func() {
		defer close(answer)
		err := c.Begin(ctx)
		if err != nil && !errors.Is(err, claim.ErrLost) {
			if ctx.Err() == nil {
				w.redisAway(err)
			}
			err = nil // the call has begun all the same, and what it brings will be recorded
		}
		w.reached(d, stepNoted)
		answer <- err
	}()
	return answer, nil
}

// makeSure asks Redis whether the claim is still ours where the lease may have ended: a worker that stood still for a
// while, as one that was suspended, may have lost it without having noticed.
func (w *Worker) makeSure(ctx context.Context, d *delivery, c *claim.Claim, insist func(context.Context, func() error) error) error {
	if c.Sure() {
		return nil
	}
	if err := insist(ctx, func() error { return c.Renew(ctx) }); err != nil {
		return err
	}
	w.reached(d, stepRenewed)
	return nil
}

// observed makes a call in a slot that is already held.
func (w *Worker) observed(ctx context.Context, event string, call func(context.Context) error) error {
	report := w.circuit.begin(event)
	err := call(ctx)
	switch faultOf(ctx, err) {
	case faultVendor:
		report(err)
	case faultRateLimited, faultUnauthorized, faultStopped:
		report(errUncounted)
	default:
		report(nil)
	}
	w.heed(ctx, err)
	return err
}

// heed does what an answer asks of all calls: to wait, or to stop until the credentials are good.
func (w *Worker) heed(ctx context.Context, err error) {
	e, ok := errors.AsType[*conomy.Error](err)
	if !ok || ctx.Err() != nil {
		return
	}
	switch {
	case e.Kind == conomy.KindUnauthorized:
		w.credentialsRefused(err)
	case e.RetryAfter > 0:
		w.hold(e.RetryAfter, e)
	case e.Status == http.StatusTooManyRequests:
		w.hold(unnamedHold, e)
	}
}

// unnamedHold is how long all calls wait after a 429 that does not say how long.
const unnamedHold = time.Second

func (w *Worker) hold(d time.Duration, e *conomy.Error) {
	if w.turnstile.held() < d {
		w.log.Warn("the vendor asks all calls to wait", "for", d.String(), "endpoint", e.Endpoint, "status", e.Status)
	}
	w.metrics.holds.Inc()
	w.turnstile.hold(d)
}

// probe asks the vendor for next to nothing, to see whether it is there.
func (w *Worker) probe(ctx context.Context) error {
	_, err := w.vendor.ListPaymentLinks(ctx, conomy.PaymentLinkFilter{Limit: 1})
	w.heedHold(ctx, err)
	return err
}

// heedHold lets a probe's answer hold the calls; what it says of credentials is for the one who probes to judge.
func (w *Worker) heedHold(ctx context.Context, err error) {
	var e *conomy.Error
	if errors.As(err, &e) && e.Kind != conomy.KindUnauthorized {
		w.heed(ctx, err)
	}
}
