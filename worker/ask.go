package worker

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/linkworker/linkworker/conomy"
)

// ask makes one call to the vendor for an event: it waits for a call slot, calls, and tells those who watch the vendor as
// a whole (the turnstile's hold, the circuit, the credentials) what came of it. What it means for the event is not
// decided here.
func (w *Worker) ask(ctx context.Context, d *delivery, call func(context.Context) error) error {
	d.lapped = time.Now() // a rest may lie before it
	if err := w.turnstile.enter(ctx, d.class); err != nil {
		return err
	}
	defer w.turnstile.leave()
	w.lap(d, lapSlot)
	// A worker that stood still for a while, as one that was suspended, may have lost the claim without having noticed.
	if c := d.claim.Load(); c != nil {
		if !c.Sure() {
			if err := w.note(ctx, func() error { return c.Renew(ctx) }); err != nil {
				return err
			}
		}
		if err := w.note(ctx, func() error { return c.Begin(ctx) }); err != nil {
			return err
		}
	}
	w.lap(d, lapNote)
	defer w.lap(d, lapCall)
	return w.observed(ctx, d.name(), call)
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
	var e *conomy.Error
	if ctx.Err() != nil || !errors.As(err, &e) {
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
