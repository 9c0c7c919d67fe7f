package worker

import (
	"context"
	"errors"
	"net/http"

	"github.com/linkworker/linkworker/conomy"
)

// fault says whose fault it is that a call to the vendor failed, and so what becomes of the event.
type fault int

const (
	faultNone         fault = iota
	faultRejected           // the event's: the vendor will not have it, however often it is asked
	faultExists             // nobody's yet: the token is taken, and what took it must be looked up
	faultNotFound           // perhaps only the moment's: a session's link may be about to come
	faultRateLimited        // ours: too many calls; counts as no attempt
	faultVendor             // the vendor's, or the way's to it: try again, and watch the circuit
	faultUnauthorized       // the operator's: the credentials
	faultStopped            // none: we gave the call up
)

// faultOf is the one place that knows what an answer of the vendor means. See the vendor's page on errors,
// https://docs.conomyhq.com, codes 01 to 43: only an answer in one of the documented shapes can be the event's fault; the
// same status from a gateway or a proxy says nothing about the event.
func faultOf(ctx context.Context, err error) fault {
	if err == nil {
		return faultNone
	}
	if ctx.Err() != nil {
		return faultStopped
	}
	e, ok := errors.AsType[*conomy.Error](err)
	if !ok { // no call was made: the request itself cannot be
		return faultRejected
	}
	switch e.Kind {
	case conomy.KindUnauthorized:
		return faultUnauthorized
	case conomy.KindStatus:
		return statusFault(e)
	default:
		return faultVendor
	}
}

func statusFault(e *conomy.Error) fault {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return faultRateLimited
	case e.Status == http.StatusConflict:
		return faultExists
	case !e.Documented:
		return faultVendor
	case e.Status == http.StatusNotFound:
		return faultNotFound
	case e.Status == http.StatusNotImplemented:
		return faultRejected
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooEarly, e.Status >= 500:
		return faultVendor
	default:
		return faultRejected
	}
}

// answered reports whether a probe's outcome shows that the vendor is there: success, or a refusal in its own words.
func answered(err error) bool {
	var e *conomy.Error
	switch {
	case err == nil:
		return true
	case !errors.As(err, &e):
		return false
	}
	return e.Kind == conomy.KindUnauthorized || (e.Kind == conomy.KindStatus && e.Documented && e.Status < 500)
}

// refused reports whether the vendor refuses us rather than the call. A probe asks for nothing that a working credential
// may not have, so that 403 counts as well.
func refused(err error) bool {
	var e *conomy.Error
	return errors.As(err, &e) &&
		(e.Kind == conomy.KindUnauthorized || e.Kind == conomy.KindStatus && e.Documented && e.Status == http.StatusForbidden)
}
