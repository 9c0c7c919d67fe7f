package worker

import (
	"context"
	"errors"
	"time"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
)

// process is the way of one event: decode, claim, call, record, publish. What it returns is turned into a verdict by
// judge and carried out by settle; no step of it settles anything. It may be cut off between any two steps, at any time:
// the redelivered event comes in again at the top and goes on at what is recorded.
func (w *Worker) process(ctx context.Context, d *delivery) (result string, err error) {
	if err := w.decode(d); err != nil {
		return "", err
	}
	w.lap(d, lapDecode)
	c, err := w.take(ctx, d)
	if err != nil {
		return "", err
	}
	w.lap(d, lapClaim)
	if !c.Recorded {
		a, err := w.call(ctx, d, c)
		if err != nil {
			return "", err
		}
		if err := w.record(ctx, d, c, a); err != nil {
			return "", err
		}
		w.lap(d, lapRecord)
		w.reached(d, stepRecorded)
	}
	if err := w.publish(ctx, d, c); err != nil {
		return "", err
	}
	w.lap(d, lapPublish)
	// Whoever took the claim over while this process stood still marks and counts it.
	if err := w.makeSure(ctx, d, c, w.insist); err != nil {
		return "", err
	}
	if err := w.insist(ctx, func() error { return c.Publish(ctx) }); err != nil {
		return "", err
	}
	w.metrics.outcome(d.msg.Subject, resultPublished, "")
	w.lap(d, lapMark)
	w.reached(d, stepMarked)
	return resultPublished, nil
}

// decode reads the message and works out what the claim will need. The error is an [events.InvalidError].
func (w *Worker) decode(d *delivery) error {
	event, err := events.Decode(d.msg.Subject, d.msg.Header, d.msg.Data)
	if err != nil {
		errors.As(err, &d.bad)
		return err
	}
	d.event = event
	if event.Session != nil {
		d.identity = d.origin.Identity
		if d.identity == "" {
			d.identity = events.SessionIdentity(event, d.msgID())
		}
		return nil
	}
	d.terms, d.unfilled = w.settings.Merchant.fill(event.Invoice)
	return nil
}

// call asks the vendor for what the event wants, as often as it takes.
func (w *Worker) call(ctx context.Context, d *delivery, c *claim.Claim) (*answer, error) {
	if c.Tried.Attempts >= w.settings.Retry.Attempts {
		return nil, w.usedUp(ctx, d, c)
	}
	if d.event.Invoice != nil {
		return w.makeLink(ctx, d, c)
	}
	return w.makeSession(ctx, d, c)
}

// record keeps the vendor's answer before anyone is told of it.
func (w *Worker) record(ctx context.Context, d *delivery, c *claim.Claim, a *answer) error {
	data, err := a.encode()
	if err != nil {
		return err
	}
	var perishes time.Time
	if events.Perishable(d.identity) {
		perishes = a.ExpiresAt
	}
	d.answer = a
	return w.insist(ctx, func() error { return c.Record(ctx, data, perishes) })
}
