package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/go-json-experiment/json"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// Retry says how often and how fast a failed call is tried again.
type Retry struct {
	Initial  time.Duration // first delay; doubled each time, with jitter
	Max      time.Duration // longest delay
	Attempts int           // calls that count, the first one included
}

// jitter is the part of a delay by which it may be shorter or longer, so that events that failed together do not come
// back together.
const jitter = 0.2

// delay is how long to wait after the given number of attempts.
func (r Retry) delay(attempts int) time.Duration {
	b := backoff.NewExponentialBackOff(backoff.WithInitialInterval(r.Initial), backoff.WithMaxInterval(r.Max),
		backoff.WithMultiplier(2), backoff.WithRandomizationFactor(jitter), backoff.WithMaxElapsedTime(0))
	d := r.Initial
	for range attempts {
		d = b.NextBackOff()
	}
	return d
}

// afterFailure decides what follows a failed call: nil to try again now, after the rest that was due; else the error that
// ends this delivery.
func (w *Worker) afterFailure(ctx context.Context, d *delivery, c *claim.Claim, err error) error {
	var (
		decided *deadError
		paused  *errPaused
		unclear *unverifiedError
		crashed *panicError
	)
	switch {
	case errors.As(err, &decided), errors.As(err, &paused), errors.As(err, &crashed), errors.Is(err, claim.ErrLost):
		return err
	case errors.As(err, &unclear):
		return w.countAttempt(ctx, d, c, err)
	}
	switch faultOf(ctx, err) {
	case faultStopped:
		return err
	case faultRateLimited: // the turnstile waits, and no attempt is used up
		return nil
	case faultUnauthorized:
		return w.pausedErr()
	case faultRejected, faultNotFound:
		return dead(deadletter.ReasonRejected, err)
	default:
		return w.countAttempt(ctx, d, c, err)
	}
}

// countAttempt uses up an attempt and rests. When none is left it finds out whose fault it is: the event's if the vendor
// is there, else nobody's.
func (w *Worker) countAttempt(ctx context.Context, d *delivery, c *claim.Claim, err error) error {
	if w.circuit.isOpen() {
		return w.pausedErr()
	}
	now := time.Now()
	c.Tried.Attempts++
	c.Tried.Last = now
	if c.Tried.First.IsZero() {
		c.Tried.First = now
	}
	c.Tried.Failure = encodeFailure(d, lastFailure(err))
	if c.Tried.Attempts >= w.settings.Retry.Attempts {
		return w.usedUp(ctx, d, c)
	}
	return w.rest(ctx, d, c, w.settings.Retry.delay(c.Tried.Attempts))
}

// usedUp ends an event that has no attempt left, if the vendor is there to be asked at all.
func (w *Worker) usedUp(ctx context.Context, d *delivery, c *claim.Claim) error {
	if err := w.writeDown(ctx, d, c, 0, true); err != nil {
		return err
	}
	err := w.ask(ctx, d, w.probe)
	var paused *errPaused
	switch {
	case errors.As(err, &paused):
		if w.gate.because(pauseCircuit) == nil && w.gate.because(pauseCredentials) == nil {
			return err
		}
	case errors.Is(err, claim.ErrLost), faultOf(ctx, err) == faultStopped:
		return err
	case refused(err):
		w.credentialsRefused(err)
	case answered(err):
		return decodeFailure(c.Tried.Failure)
	default:
		w.circuit.trip()
	}
	// Nobody is there, or nobody who takes our credentials: the last attempt says nothing about the event.
	c.Tried.Attempts--
	if err := w.writeDown(ctx, d, c, 0, true); err != nil {
		return err
	}
	return w.pausedErr()
}

// writeDown keeps with the claim what was tried; see [claim.Claim.Fail].
func (w *Worker) writeDown(ctx context.Context, d *delivery, c *claim.Claim, delay time.Duration, keep bool) error {
	if err := w.note(ctx, func() error { return c.Fail(ctx, delay, keep) }); err != nil {
		return err
	}
	w.reached(d, stepCounted)
	return nil
}

// lastFailure is the verdict that the failure would be, were it the last.
func lastFailure(err error) *deadError {
	var unclear *unverifiedError
	if !errors.As(err, &unclear) {
		return dead(deadletter.ReasonExhausted, err)
	}
	d := dead(deadletter.ReasonConflict, unclear.exists)
	if !saysExists(unclear.exists) {
		d.reason = deadletter.ReasonExhausted
	}
	d.detail = unclear.Error()
	return d
}

// failure is how a deadError is written down.
type failure struct {
	Reason  deadletter.Reason `json:"reason"`
	Code    string            `json:"code,omitzero"`
	Type    string            `json:"type,omitzero"`
	Status  int               `json:"status,omitzero"`
	TraceID string            `json:"traceId,omitzero"`
	Detail  string            `json:"detail,omitzero"`
}

// maxDetail bounds a detail that is kept, in bytes. The dead letter has a bound of its own.
const maxDetail = 1024

func failureOf(d *delivery, e *deadError) failure {
	detail := d.mask(e.detail)
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "")
	}
	return failure{Reason: e.reason, Code: e.code, Type: e.typ, Status: e.status, TraceID: e.traceID, Detail: detail}
}

func encodeFailure(d *delivery, e *deadError) []byte {
	data, err := encode(failureOf(d, e))
	if err != nil { // the vendor's words are not UTF-8: do without them
		data, _ = encode(failure{Reason: e.reason, Status: e.status})
	}
	return data
}

func decodeFailure(data []byte) *deadError {
	var f failure
	if err := json.Unmarshal(data, &f); err != nil || f.Reason == "" {
		return &deadError{reason: deadletter.ReasonExhausted, detail: "every attempt failed"}
	}
	return &deadError{reason: f.Reason, code: f.Code, typ: f.Type, status: f.Status, traceID: f.TraceID, detail: f.Detail}
}

// pausedErr gives an event back because the worker is paused, or just was.
func (w *Worker) pausedErr() error {
	if err := w.gate.err(); err != nil {
		return err
	}
	return &errPaused{why: "the vendor is away"}
}

// credentialsRefused pauses the worker until the vendor takes the credentials: a wrong one is no event's fault.
func (w *Worker) credentialsRefused(err error) {
	if !w.gate.close(pauseCredentials, errors.New("the vendor refuses the credentials")) {
		return
	}
	var e *conomy.Error
	errors.As(err, &e)
	w.log.Error("the vendor refuses the credentials; consumption pauses, and they are read again and tried every 5 s: "+
		"check CONOMY_API_KEY with CONOMY_CLIENT_ID and CONOMY_CLIENT_SECRET, or CONOMY_ACCESS_TOKEN",
		"endpoint", e.Endpoint, "status", e.Status, "code", e.Code, "traceId", e.TraceID)
	w.background(w.awaitCredentials)
}
