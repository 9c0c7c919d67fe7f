package conomy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy"
)

const (
	newShape = `{"status": %d, "code": "%s", "type": "someType", "detail": "in words", "traceId": "trace-1"}`
	oldShape = `{"statusCode": %d, "error": "someType", "message": "in words"}`
	html     = `<html><body><h1>Bad Gateway</h1></body></html>`
)

// verdict is what an Error says to who has to decide.
type verdict struct {
	kind       conomy.ErrorKind
	documented bool
	retryable  bool
	unknown    bool
}

// TestStatuses holds nearly every status in each shape of answer.
func TestStatuses(t *testing.T) {
	const (
		answered     = conomy.KindStatus
		nonsense     = conomy.KindNonsense
		unauthorized = conomy.KindUnauthorized
	)
	// own: the provider said so; gateway: it has no say in it.
	tests := []struct {
		statuses     []int
		own, gateway verdict
	}{
		{[]int{200, 201, 202, 206}, verdict{nonsense, false, true, true}, verdict{nonsense, false, true, true}},
		{[]int{204, 205}, verdict{nonsense, false, true, true}, verdict{nonsense, false, true, true}},
		{[]int{300, 301, 302, 303, 304, 307, 308}, verdict{nonsense, false, true, true}, verdict{nonsense, false, true, true}},
		{
			[]int{400, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 422, 423, 426, 428, 431, 451},
			verdict{answered, true, false, false}, verdict{answered, false, true, true},
		},
		{[]int{401}, verdict{unauthorized, true, false, false}, verdict{unauthorized, false, false, false}},
		{[]int{408, 425}, verdict{answered, true, true, false}, verdict{answered, false, true, true}},
		{[]int{429}, verdict{answered, true, true, false}, verdict{answered, false, true, false}},
		{[]int{501}, verdict{answered, true, false, false}, verdict{answered, false, true, true}},
		{
			[]int{500, 502, 503, 504, 505, 507, 508, 511, 520, 522, 524, 530, 599},
			verdict{answered, true, true, true}, verdict{answered, false, true, true},
		},
	}
	var status int
	var body string
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		if status != 204 && status != 205 && status != 304 {
			_, _ = io.WriteString(w, body)
		}
	})
	for _, tt := range tests {
		for _, code := range tt.statuses {
			bodies := map[string]struct {
				body string
				want verdict
			}{
				"new shape":       {fmt.Sprintf(newShape, code, "99"), tt.own},
				"new, code only":  {`{"code": 21, "traceId": "trace-1"}`, tt.own},
				"new, type only":  {`{"type": "notFound", "detail": "gone"}`, tt.own},
				"old shape":       {fmt.Sprintf(oldShape, code), tt.own},
				"another status":  {fmt.Sprintf(newShape, code+1, "99"), tt.gateway},
				"old, another":    {fmt.Sprintf(oldShape, code+1), tt.gateway},
				"a gateway's":     {`{"message": "Forbidden"}`, tt.gateway},
				"an error string": {`{"error": "no healthy upstream"}`, tt.gateway},
				"type alone":      {`{"type": "about:blank"}`, tt.gateway},
				"rfc 9457":        {fmt.Sprintf(`{"type":"about:blank","title":"Gone","status":%d,"detail":"gone"}`, code), tt.gateway},
				"problem":         {`{"title": "Gone", "status": 404}`, tt.gateway},
				"list":            {`[{"status": 400, "type": "x"}]`, tt.gateway},
				"string":          {`"no"`, tt.gateway},
				"null":            {`null`, tt.gateway},
				"html":            {html, tt.gateway},
				"empty":           {"", tt.gateway},
				"cut json":        {fmt.Sprintf(newShape, code, "99")[:40], tt.gateway},
				"two objects":     {fmt.Sprintf(newShape, code, "99") + "{}", tt.gateway},
				"not utf-8":       {`{"type": "` + "\xff" + `", "detail": "x"}`, tt.gateway},
			}
			for name, b := range bodies {
				t.Run(fmt.Sprintf("%d/%s", code, name), func(t *testing.T) {
					status, body = code, b.body
					_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
					e := wantError(t, err, b.want)
					if e.Status != code || e.Endpoint != conomy.EndpointCreatePaymentLink {
						t.Errorf("status %d, endpoint %s", e.Status, e.Endpoint)
					}
				})
			}
		}
	}
}

func wantError(t *testing.T, err error, want verdict) *conomy.Error {
	t.Helper()
	var e *conomy.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	got := verdict{e.Kind, e.Documented, e.Retryable(), e.OutcomeUnknown()}
	if got != want {
		t.Errorf("got %+v, want %+v (%v)", got, want, e)
	}
	return e
}

func TestErrorFields(t *testing.T) {
	tests := map[string]struct {
		body                      string
		code, kind, detail, trace string
	}{
		"new":           {`{"status":422,"code":"21","type":"failedPrecondition","detail":"wrong state","traceId":"t-1"}`, "21", "failedPrecondition", "wrong state", "t-1"},
		"numbers":       {`{"status":"422","code":21,"type":"x","detail":null,"traceId":7}`, "21", "x", "", ""},
		"old":           {`{"statusCode":422,"error":"Unprocessable","message":"wrong state"}`, "", "Unprocessable", "wrong state", ""},
		"unknown field": {`{"status":422,"code":"21","extra":{"a":[1]}}`, "21", "", "", ""},
		"control characters": {
			`{"status":422,"code":"2\u00001","type":"a\u001b[31mb","detail":"one\ntwo\u202e three","traceId":"t\r\n-1"}`,
			"21", "a[31mb", "one two three", "t  -1",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(422)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := client.GetPaymentLink(context.Background(), "x")
			e := wantError(t, err, verdict{conomy.KindStatus, true, false, false})
			if e.Code != tt.code || e.Type != tt.kind || e.Detail != tt.detail || e.TraceID != tt.trace {
				t.Errorf("got %q %q %q %q", e.Code, e.Type, e.Detail, e.TraceID)
			}
		})
	}
}

func TestRetryAfterHeaders(t *testing.T) {
	now := time.Date(2026, 5, 18, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		status int
		header map[string]string
		want   time.Duration
	}{
		{429, nil, 0},
		{429, map[string]string{"Retry-After": "7"}, 7 * time.Second},
		{503, map[string]string{"Retry-After": "Mon, 18 May 2026 10:00:20 GMT"}, 20 * time.Second},
		{429, map[string]string{"Retry-After": "soon", "RateLimit-Reset": "3"}, 3 * time.Second},
		{429, map[string]string{"X-RateLimit-Reset": fmt.Sprint(now.Unix() + 42)}, 42 * time.Second},
		{429, map[string]string{"Retry-After": "86400"}, 5 * time.Minute},
		{500, map[string]string{"Retry-After": "7"}, 0},
		{404, map[string]string{"Retry-After": "7"}, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.header), func(t *testing.T) {
			client := newClient(t, conomy.Config{
				BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					for name, value := range tt.header {
						w.Header().Set(name, value)
					}
					w.WriteHeader(tt.status)
				})),
				Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "ready-made"},
				Now:         func() time.Time { return now },
			})
			_, err := client.GetPaymentLink(context.Background(), "x")
			var e *conomy.Error
			if !errors.As(err, &e) || e.RetryAfter != tt.want {
				t.Errorf("got %v (%v), want %v", e.RetryAfter, err, tt.want)
			}
		})
	}
}
