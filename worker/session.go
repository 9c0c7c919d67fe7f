package worker

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/worker/claim"
)

// makeSession asks for a checkout session until there is one or the event's fate is clear. While the session's link is
// in work here, the vendor is not even asked.
func (w *Worker) makeSession(ctx context.Context, d *delivery, c *claim.Claim) (*answer, error) {
	request := &conomy.CheckoutSessionRequest{Customer: vendorCustomer(d.event.Session.Customer)}
	for {
		if c.Link.State == "claimed" && c.Tried.Waited < w.settings.SessionWait {
			if err := w.awaitLink(ctx, d, c); err != nil {
				return nil, err
			}
			continue
		}
		session, err := w.trySession(ctx, d, request)
		if err == nil {
			var a *answer
			var lie *conomy.Error
			if a, err = w.sessionAnswer(ctx, d, c, session); !errors.As(err, &lie) {
				return a, err
			}
		}
		if faultOf(ctx, err) == faultNotFound && w.mayStillCome(c) {
			err = w.awaitLink(ctx, d, c)
		} else {
			err = w.afterFailure(ctx, d, c, err)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (w *Worker) trySession(ctx context.Context, d *delivery, request *conomy.CheckoutSessionRequest) (*conomy.CheckoutSession, error) {
	var session *conomy.CheckoutSession
	err := w.ask(ctx, d, func(ctx context.Context) (err error) {
		session, err = w.vendor.CreateCheckoutSession(ctx, d.event.Token(), request)
		return err
	})
	return session, err
}

// mayStillCome reports whether a link that the vendor does not know may yet appear there.
func (w *Worker) mayStillCome(c *claim.Claim) bool {
	old := (c.Link.State == "recorded" || c.Link.State == "published") && c.Link.Age >= w.settings.SessionWait
	return !old && c.Tried.Waited < w.settings.SessionWait
}

// The rests of a session that waits for its link grow with the time it has waited: a link that is about to come costs a
// payer little, one that does not costs the vendor few calls.
const (
	shortestWait = 200 * time.Millisecond
	longestWait  = 5 * time.Second
)

// awaitLink rests until it is worth looking again. The wait uses up no attempt, and only rests count for SESSION_WAIT: the
// time in which the worker is paused does not.
func (w *Worker) awaitLink(ctx context.Context, d *delivery, c *claim.Claim) error {
	delay := min(max(shortestWait, c.Tried.Waited/2), longestWait, w.settings.SessionWait-c.Tried.Waited)
	delay = max(delay, time.Millisecond)
	c.Tried.Waited += delay
	started := time.Now()
	err := w.rest(ctx, d, c, delay)
	var paused *errPaused
	if errors.As(err, &paused) {
		c.Tried.Waited -= max(0, delay-time.Since(started))
		if err := w.writeDown(ctx, d, c, 0, true); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	link, err := w.claims.Link(ctx, d.event.Token())
	if err != nil {
		return w.redisFailed(ctx, err)
	}
	w.reached(d, stepAwaited)
	c.Link = link
	return nil
}

// sessionAnswer reads the session, with what is recorded of its link: the URL is the session's own, else the link's, else
// the token's page at the vendor's checkout. A session that is not of that link makes no sense.
func (w *Worker) sessionAnswer(ctx context.Context, d *delivery, c *claim.Claim, session *conomy.CheckoutSession) (*answer, error) {
	token := d.event.Token()
	if len(c.Link.Answer) == 0 && c.Link.State != "" { // it was in work when we last looked
		err := w.insist(ctx, func() (err error) {
			c.Link, err = w.claims.Link(ctx, token)
			return err
		})
		if err != nil {
			return nil, err
		}
		w.reached(d, stepAwaited)
	}
	var link *answer
	if len(c.Link.Answer) > 0 {
		var err error
		if link, err = decodeAnswer(c.Link.Answer); err != nil {
			return nil, err
		}
		if what := contradiction(session, link); what != "" {
			return nil, &conomy.Error{
				Endpoint: conomy.EndpointCreateCheckoutSession, Kind: conomy.KindNonsense, Status: http.StatusCreated, Detail: what,
			}
		}
	}
	return answerOfSession(session, link, w.settings.CheckoutURL+"/"+escapeToken(token), time.Now()), nil
}
