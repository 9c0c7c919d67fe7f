package worker

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/terms"
)

// take claims the event, or returns the error that says what becomes of it: errDuplicate, errPublished, a laterError, a
// buriedError, a deadError for a conflict.
func (w *Worker) take(ctx context.Context, d *delivery) (*claim.Claim, error) {
	request := claim.Request{
		Token: d.event.Token(), Identity: d.identity, Event: d.name(), Message: d.message(),
		Perishable: events.Perishable(d.identity), New: d.meta.NumDelivered == 1,
	}
	if d.terms != nil {
		var err error
		if request.Terms, err = d.terms.Encode(); err != nil {
			return nil, err
		}
	}
	for {
		// Where a call follows in a moment, that it begins is noted with the claim, and costs no word of its own.
		request.Calling = w.turnstile.soon(d.class)
		found, err := w.claims.Take(ctx, request)
		if err != nil {
			return nil, w.redisFailed(ctx, err)
		}
		w.reached(d, stepTaken)
		switch found.Outcome {
		case claim.OutcomeTaken:
			return w.taken(d, found.Claim, request.Terms)
		case claim.OutcomeDead:
			return nil, &buriedError{claim.Death{
				Token: d.event.Token(), Event: d.name(), Verdict: found.Verdict, Letter: found.Letter,
				Ended: found.Ended,
			}}
		case claim.OutcomePublished:
			if found.Event == d.name() {
				return nil, errPublished
			}
			if err := w.agrees(d, found); err != nil {
				return nil, err
			}
			return nil, errDuplicate
		case claim.OutcomeOrphan:
			if err := w.agrees(d, found); err != nil {
				return nil, err
			}
			request.Ended, request.Adopt = found.Event, true
		case claim.OutcomeLater:
			return nil, &laterError{delay: found.Wait, why: "its next attempt is not due"}
		default:
			if request.Ended != found.Event && found.Deserted && w.ended(ctx, d, found) {
				request.Ended, request.Adopt = found.Event, false
				continue
			}
			return nil, &laterError{delay: w.untilFree(d, found), why: "in work elsewhere"}
		}
	}
}

// patienceWithDeserted is how many acknowledgement waits a claim that nobody works on is left for its own event. The server
// would have delivered that event long before, had it not ended.
const patienceWithDeserted = 8

// ended reports whether the event that holds a deserted claim is known to have ended.
func (w *Worker) ended(ctx context.Context, d *delivery, found *claim.Result) bool {
	if found.Since > patienceWithDeserted*w.streams.ackWait(d.msg.Subject) {
		return true
	}
	ended := w.streams.ended(ctx, found.Message)
	w.reached(d, stepVouched)
	return ended
}

// redisFailed is what becomes of an event when Redis does not answer before anything was done for it.
func (w *Worker) redisFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.redisAway(err)
	if claim.Refused(err) {
		return err
	}
	return &redisError{err}
}

// taken makes a claim ours: from here on the tender renews it. own are the terms that this delivery has filled in.
func (w *Worker) taken(d *delivery, c *claim.Claim, own []byte) (*claim.Claim, error) {
	d.claim.Store(c)
	if c.Vanished >= claim.MaxVanished {
		return nil, &panicError{what: fmt.Sprintf("%d workers in a row vanished while they worked on this event", c.Vanished)}
	}
	if d.event.Invoice == nil || c.Recorded {
		return c, nil
	}
	if len(c.Terms) == 0 { // nothing to fill them in with
		return nil, d.unfilled
	}
	if bytes.Equal(c.Terms, own) {
		return c, nil
	}
	var err error
	d.terms, err = terms.Decode(c.Terms)
	return c, err
}

// untilFree is when a claim that is held can have ended: when its lease ends or, where nobody is at work, when the server
// has delivered its own event again. The first tries come sooner, since most work takes much less.
func (w *Worker) untilFree(d *delivery, found *claim.Result) time.Duration {
	latest := found.Wait + time.Millisecond
	if found.Deserted {
		latest = w.streams.ackWait(d.msg.Subject)
	}
	return min(giveBack<<min(d.meta.NumDelivered-1, 4), latest)
}

// agrees compares what the invoice states itself with the terms of the link that its token has.
func (w *Worker) agrees(d *delivery, found *claim.Result) error {
	if d.event.Invoice == nil || len(found.Terms) == 0 {
		return nil
	}
	own, err := terms.Given(d.event.Invoice)
	if err != nil {
		return err
	}
	diff, err := terms.Compare(own, found.Terms, false, d.mask)
	if err != nil {
		return err
	}
	if !diff.Same() {
		return &deadError{
			reason: deadletter.ReasonConflict,
			detail: "the token has a link with other terms: " + diff.String(),
		}
	}
	return nil
}
