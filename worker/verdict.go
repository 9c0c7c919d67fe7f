package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// verdict is what becomes of a delivery. Deciding it and carrying it out are apart: judge decides, settle carries out.
type verdict struct {
	fate   fate
	result string        // published or duplicate, of a delivery that is done
	delay  time.Duration // of one that comes again later
	why    string        // of one that comes again later, for the log
	dead   *deadError    // of one that ends as a dead letter
	buried *claim.Death  // of one whose death was decided at an earlier delivery
}

type fate string

const (
	fateDone  fate = "done"  // acknowledge
	fateLater fate = "later" // give back, with a delay
	fateDead  fate = "dead"  // dead letter, link.failed, then acknowledge
	fateLeave fate = "leave" // settle nothing: another delivery is the owner now
)

const (
	resultPublished = "published"
	resultDuplicate = "duplicate"
)

// errDuplicate ends an event whose link or session is published already, for another event; errPublished one for which it
// was at an earlier delivery.
var (
	errDuplicate = errors.New("duplicate")
	errPublished = errors.New("published at an earlier delivery")
)

// deadError ends an event as a dead letter.
type deadError struct {
	reason  deadletter.Reason
	code    string
	typ     string
	status  int
	traceID string
	detail  string
}

func (e *deadError) Error() string { return string(e.reason) + ": " + e.detail }

// dead makes the error that ends an event with what the vendor said, if it was the vendor.
func dead(reason deadletter.Reason, cause error) *deadError {
	d := &deadError{reason: reason, detail: cause.Error()}
	var e *conomy.Error
	if errors.As(cause, &e) {
		d.code, d.typ, d.status, d.traceID = e.Code, e.Type, e.Status, e.TraceID
		if e.Documented && e.Detail != "" {
			d.detail = e.Detail
		}
	}
	return d
}

// laterError gives an event back to its stream.
type laterError struct {
	delay time.Duration
	why   string
}

func (e *laterError) Error() string { return fmt.Sprintf("later, in %v: %s", e.delay, e.why) }

// buriedError says that the event died at an earlier delivery and is only to be finished.
type buriedError struct{ death claim.Death }

func (e *buriedError) Error() string { return "has its verdict" }

// redisError says that Redis did not do what it was asked.
type redisError struct{ err error }

func (e *redisError) Error() string { return e.err.Error() }
func (e *redisError) Unwrap() error { return e.err }

// panicError is a panic in the work on one event.
type panicError struct{ what string }

func (e *panicError) Error() string { return "panic: " + e.what }

// giveBack is the delay of an event that is given back through no fault of its own: short, and not zero, since another
// worker may well take it.
const giveBack = time.Second

// unexpectedDelay is that of an event that met what should not be, such as a record that cannot be read: it is no reason to
// give the event up, and none to hurry.
const unexpectedDelay = 15 * time.Second

// judge turns the outcome of process into a verdict. It is the only function that does.
func judge(ctx context.Context, result string, err error) verdict {
	if err == nil {
		return verdict{fate: fateDone, result: result}
	}
	return condemn(ctx, err)
}

func condemn(ctx context.Context, err error) verdict {
	var (
		died    *deadError
		later   *laterError
		buried  *buriedError
		paused  *errPaused
		lost    *redisError
		crashed *panicError
		invalid *events.InvalidError
	)
	switch {
	case errors.Is(err, claim.ErrLost), errors.Is(context.Cause(ctx), claim.ErrLost):
		return verdict{fate: fateLeave}
	case errors.Is(err, errDuplicate):
		return verdict{fate: fateDone, result: resultDuplicate}
	case errors.Is(err, errPublished):
		return verdict{fate: fateDone, result: resultPublished}
	case errors.As(err, &invalid):
		return verdict{fate: fateDead, dead: dead(deadletter.ReasonInvalidEvent, err)}
	case errors.As(err, &died):
		return verdict{fate: fateDead, dead: died}
	case errors.As(err, &buried):
		return verdict{fate: fateDead, buried: &buried.death}
	case errors.As(err, &crashed):
		return verdict{fate: fateDead, dead: dead(deadletter.ReasonPanic, err)}
	case errors.As(err, &later):
		return verdict{fate: fateLater, delay: later.delay, why: later.why}
	case errors.As(err, &paused), errors.As(err, &lost), ctx.Err() != nil:
		return verdict{fate: fateLater, delay: giveBack, why: err.Error()}
	default:
		return verdict{fate: fateLater, delay: unexpectedDelay, why: "unexpected: " + err.Error()}
	}
}
