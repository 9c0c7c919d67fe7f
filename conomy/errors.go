package conomy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrorKind says what sort of failure an [Error] is.
type ErrorKind int

const (
	// KindStatus is an answer with an HTTP error status.
	KindStatus ErrorKind = iota + 1
	// KindTransport is a call without a whole answer: no connection, a
	// connection that was cut, a timeout, a caller that gave up.
	KindTransport
	// KindNonsense is a success status whose answer makes no sense, or a
	// redirect, which is never followed.
	KindNonsense
	// KindUnauthorized means that the provider does not accept the
	// credentials: a 401 after one fresh token, or at once with a ready-made
	// one; or a token endpoint that refuses.
	KindUnauthorized
)

// String returns the kind's name as it may stand in a metric label.
func (k ErrorKind) String() string {
	switch k {
	case KindStatus:
		return "status"
	case KindTransport:
		return "transport"
	case KindNonsense:
		return "nonsense"
	case KindUnauthorized:
		return "unauthorized"
	default:
		return "unknown"
	}
}

// Codes of the provider's documented errors, in [Error.Code]. See
// https://docs.conomyhq.com (Errors).
const (
	CodeServerError        = "01"
	CodeUnknown            = "02"
	CodeInvalidParam       = "11"
	CodeMissingParam       = "12"
	CodeAlreadyExist       = "13"
	CodeParsingResource    = "14"
	CodeFailedPrecondition = "21"
	CodeNotFound           = "31"
	CodeTooManyRequests    = "32"
	CodeUnauthorized       = "41"
	CodeUnimplemented      = "42"
	CodeForbidden          = "43"
)

// Error is a failed call. Branch on Kind, Status, Code and Type; Detail is for
// people.
type Error struct {
	// Endpoint is the call that failed, one of the Endpoint constants. It is
	// EndpointAuth when the call could not get an access token; the call itself
	// was then not made.
	Endpoint string
	Kind     ErrorKind
	// Status is the HTTP status, 0 when there was none. A 2xx stands here when
	// its answer made no sense or was cut off.
	Status int
	// Code, Type, Detail and TraceID are the provider's own, from either
	// documented shape, bounded, without control characters, payers' values
	// masked. The older shape has only Type (its "error") and Detail (its
	// "message").
	Code, Type, Detail, TraceID string
	// Documented says that the answer had one of the documented error shapes: it
	// is the provider's verdict and not a gateway's.
	Documented bool
	// RetryAfter is how long the answer to a 429 or 503 asks everybody to wait,
	// at most five minutes; 0 when it does not say.
	RetryAfter time.Duration

	sent bool   // the request may have reached the provider
	text string // the cause in words, cleaned and bounded
	err  error
}

// Error describes the failure without credentials, payers' values or unbounded
// text.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("conomy: ")
	b.WriteString(e.Endpoint)
	b.WriteString(": ")
	b.WriteString(e.summary())
	for _, part := range []struct{ label, value string }{
		{"code ", e.Code}, {"", e.Type}, {"", e.Detail}, {"", e.text}, {"trace ", e.TraceID},
	} {
		if part.value != "" {
			b.WriteString(": " + part.label + part.value)
		}
	}
	return b.String()
}

func (e *Error) summary() string {
	status := ""
	if e.Status != 0 {
		status = strings.TrimSpace(strconv.Itoa(e.Status) + " " + http.StatusText(e.Status))
	}
	switch e.Kind {
	case KindTransport:
		if status != "" {
			return "answer cut off (" + status + ")"
		}
		return "no answer"
	case KindNonsense:
		return "answer without sense (" + status + ")"
	case KindUnauthorized:
		if status == "" {
			return "credentials cannot be used"
		}
		return "credentials refused (" + status + ")"
	default:
		return status
	}
}

// Unwrap returns the cause, if there is one; context.Canceled and
// context.DeadlineExceeded are found through it.
func (e *Error) Unwrap() error { return e.err }

// Retryable reports whether another try of the same call may help and is
// permitted by the provider. For a create the second try is safe because the
// checkoutToken is unique; for a session it may leave an unused one behind.
func (e *Error) Retryable() bool {
	switch e.Kind {
	case KindTransport, KindNonsense:
		return true
	case KindUnauthorized:
		return false
	}
	switch {
	case e.Status == http.StatusTooManyRequests,
		e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooEarly:
		return true
	case e.Status == http.StatusNotImplemented:
		return !e.Documented
	case e.Status >= 500:
		return true
	default:
		// A 4xx without the provider's own words is a gateway's or a proxy's.
		return !e.Documented
	}
}

// OutcomeUnknown reports whether the provider may have done the work all the
// same. It is false only where that is certain: nothing was sent, or the
// provider itself said no.
func (e *Error) OutcomeUnknown() bool {
	if e.Endpoint == EndpointAuth {
		return false // what wanted the token was not sent
	}
	switch e.Kind {
	case KindTransport:
		return e.sent
	case KindNonsense:
		return true
	case KindUnauthorized:
		return false
	}
	switch {
	case e.Status == http.StatusTooManyRequests:
		return false
	case e.Documented && (e.Status < 500 || e.Status == http.StatusNotImplemented):
		return false
	default:
		return true
	}
}

// transportError is a call that got no whole answer. ctx is the caller's: when
// it has ended, that is the cause, whatever the connection says.
func transportError(ctx context.Context, endpoint string, status int, sent bool, cause error, m *masker) *Error {
	e := &Error{Endpoint: endpoint, Kind: KindTransport, Status: status, sent: sent, err: cause}
	if err := ctx.Err(); err != nil && !errors.Is(cause, err) {
		e.err = fmt.Errorf("%w: %w", err, cause)
	}
	e.text = m.clean(e.err.Error(), maxCauseBytes)
	return e
}

// nonsense is a success status whose answer cannot be used.
func nonsense(endpoint string, status int, reason string) *Error {
	return &Error{Endpoint: endpoint, Kind: KindNonsense, Status: status, sent: true, text: reason}
}

// unauthorized returns a copy of another kind: an observer may hold the
// original.
func (e *Error) unauthorized() *Error {
	refused := *e
	refused.Kind = KindUnauthorized
	return &refused
}
