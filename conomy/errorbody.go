package conomy

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// statusError is an answer with an error status. See https://docs.conomyhq.com
// (Errors).
func statusError(endpoint string, resp *http.Response, answer []byte, now time.Time, m *masker) *Error {
	e := &Error{Endpoint: endpoint, Kind: KindStatus, Status: resp.StatusCode, sent: true}
	if b := readErrorBody(answer); b.documents(e.Status) {
		e.Documented = true
		e.Code = m.word(b.code, codeForm.MatchString(b.code))
		e.Type = m.word(b.kind, slices.Contains(documentedTypes, b.kind))
		e.TraceID = m.word(b.traceID, traceForm.MatchString(b.traceID))
		e.Detail = m.clean(b.detail, maxDetailBytes)
	}
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		e.RetryAfter = retryAfter(resp.Header, now)
	}
	return e
}

var (
	codeForm        = regexp.MustCompile(`^[0-9A-Za-z]{1,4}$`)
	traceForm       = regexp.MustCompile(`^[0-9A-Fa-f-]{32,40}$`)
	documentedTypes = []string{
		"serverError", "unknown", "invalidParam", "missingParam", "parsingResource", "alreadyExist",
		"failedPrecondition", "notFound", "tooManyRequests", "unauthorized", "unimplemented", "forbiddenOperation",
	}
)

// errorBody is an error answer of either documented shape.
type errorBody struct {
	code, kind, detail, traceID string
	status                      int64
	hasStatus, old              bool
}

// documents reports whether the provider itself wrote the answer: gateways and
// proxies write JSON too, and the verdict on an event hangs on this.
func (b errorBody) documents(status int) bool {
	if b.hasStatus && b.status != int64(status) {
		return false
	}
	if b.old {
		return b.hasStatus && (b.kind != "" || b.detail != "")
	}
	// A type that is a URI is that of a "problem" of RFC 9457: some gateway's.
	kind := b.kind != "" && !strings.ContainsAny(b.kind, ":/")
	return (kind || b.code != "") && (b.hasStatus || b.traceID != "" || b.detail != "")
}

// readErrorBody reads {status, code, type, detail, traceId} or the older
// {statusCode, error, message}; of anything else it returns the zero value.
func readErrorBody(answer []byte) errorBody {
	var raw struct {
		Status     jsontext.Value `json:"status"`
		Code       jsontext.Value `json:"code"`
		Type       jsontext.Value `json:"type"`
		Detail     jsontext.Value `json:"detail"`
		TraceID    jsontext.Value `json:"traceId"`
		StatusCode jsontext.Value `json:"statusCode"`
		Error      jsontext.Value `json:"error"`
		Message    jsontext.Value `json:"message"`
	}
	if unmarshal(answer, &raw) != nil {
		return errorBody{}
	}
	b := errorBody{code: scalar(raw.Code), kind: text(raw.Type), detail: text(raw.Detail), traceID: text(raw.TraceID)}
	b.status, b.hasStatus = integer(raw.Status)
	if b.kind != "" || b.code != "" {
		return b
	}
	b = errorBody{kind: text(raw.Error), detail: text(raw.Message), traceID: text(raw.TraceID), old: true}
	if raw.StatusCode.Kind() == '0' {
		b.status, b.hasStatus = integer(raw.StatusCode)
	}
	return b
}
