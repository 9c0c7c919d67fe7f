package conomytest

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
)

// answer is what a call is answered with. A nil header means JSON.
type answer struct {
	status int
	header map[string]string
	body   []byte
}

// object is a JSON object under construction.
type object = map[string]any

func (a *answer) write(w http.ResponseWriter) {
	a.head(w)
	_, _ = w.Write(a.body) // #nosec G705 -- JSON, and named so in the header
}

func (a *answer) head(w http.ResponseWriter) {
	if len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
}

func reply(status int, body any) *answer {
	data, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return serverError()
	}
	return &answer{status: status, body: data}
}

// fail is an error in the provider's documented shape. See
// https://docs.conomyhq.com (Errors).
func fail(status int, code, kind, detail string) *answer {
	return &answer{status: status, body: errorBody(status, code, kind, detail)}
}

func errorBody(status int, code, kind, detail string) []byte {
	data, err := json.Marshal(struct {
		Status  int    `json:"status"`
		Code    string `json:"code"`
		Type    string `json:"type"`
		Detail  string `json:"detail"`
		TraceID string `json:"traceId"`
	}{status, code, kind, detail, newTraceID()})
	if err != nil {
		return nil // detail is not valid UTF-8
	}
	return data
}

func serverError() *answer {
	return fail(http.StatusInternalServerError, "01", "serverError", "something went wrong")
}

func missing(path string) *answer {
	return fail(http.StatusBadRequest, "12", "missingParam", path+" is required")
}

func invalid(path, why string) *answer {
	return fail(http.StatusBadRequest, "11", "invalidParam", path+" "+why)
}

func notFound(what string) *answer {
	return fail(http.StatusNotFound, "31", "notFound", what+" not found")
}

func newTraceID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // RFC 9562, version 4
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// randomBytes never fails: crypto/rand ends the program rather than that.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
