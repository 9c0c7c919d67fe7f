package conomy

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "7", "-1", "1779098410", "Mon, 18 May 2026 10:00:30 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "0001-01-01T00:00:00Z", "1.5", "..", "9999999999999999999"} {
		f.Add(seed, int64(1779098400))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		got := retryAfter(http.Header{"Retry-After": {value}}, time.Unix(unix%1e11, 0))
		if got < 0 || got > maxRetryAfter {
			t.Errorf("%q: %v", value, got)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{
		`{"status":400,"code":"11","type":"invalidParam","detail":"d","traceId":"t"}`,
		`{"statusCode":400,"error":"e","message":"m"}`, `{"message":"Forbidden"}`, `<html>`, ``, `[]`, `{"code":1e400}`,
	} {
		f.Add([]byte(seed), 400)
	}
	m := &masker{grant: grant{token: "s3cr3t"}, personal: emails{"Ann", "jane.q@example.com"}}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		e := statusError("x", &http.Response{StatusCode: status}, body, time.Now(), m)
		text := e.Error()
		switch {
		case len(e.Detail) > maxDetailBytes || len(e.Code) > maxWordBytes || len(text) > 1500:
			t.Errorf("too long: %q", text)
		case strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text):
			t.Errorf("unclean: %q", text)
		case strings.Contains(text, "s3cr3t") || strings.Contains(text, "jane.q"):
			t.Errorf("leaks: %q", text)
		}
	})
}

func FuzzEscapeSegment(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "a/b", "%2F", "ñ", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		escaped := escapeSegment(token)
		if strings.Trim(escaped, upperHex+strings.ToLower(upperHex)+"ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ-._~%") != "" {
			t.Errorf("%q: %q", token, escaped)
		}
		c := &Client{base: mustURL(t, "https://api.example.com/sandbox")}
		u := c.url(&exchange{path: []string{"payment-links", "token", token, "checkout-sessions"}})
		if want := "/sandbox/payment-links/token/" + escaped + "/checkout-sessions"; u.RequestURI() != want {
			t.Errorf("%q: net/http would send %q", token, u.RequestURI())
		}
	})
}
