package conomy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 18, 10, 0, 0, 5e8, time.UTC)
	tests := map[string]time.Duration{
		"":                                  0,
		"0":                                 0,
		"1":                                 time.Second,
		" 30 ":                              30 * time.Second,
		"1.5":                               1500 * time.Millisecond,
		"-5":                                0,
		"300":                               5 * time.Minute,
		"301":                               5 * time.Minute,
		"999999999":                         5 * time.Minute,
		"99999999999999999999999":           5 * time.Minute,
		"1779098410":                        9500 * time.Millisecond,
		"1779098400":                        0,
		"Mon, 18 May 2026 10:00:30 GMT":     29500 * time.Millisecond,
		"Monday, 18-May-26 10:00:30 GMT":    29500 * time.Millisecond,
		"2026-05-18T10:00:30Z":              29500 * time.Millisecond,
		"Mon, 18 May 2026 09:00:00 GMT":     0,
		"Fri, 31 Dec 9999 23:59:59 GMT":     5 * time.Minute,
		"soon":                              0,
		"1e9":                               0,
		"0x10":                              0,
		"NaN":                               0,
		"Inf":                               0,
		"1-2":                               0,
		"..":                                0,
		`"default";r=0;t=30`:                0,
		strings.Repeat("9", 400):            0,
		"Thu, 01 Jan 1970 00:00:00 GMT":     0,
		"10, 20":                            0,
		"-99999999999999999999999999999999": 0,
	}
	for value, want := range tests {
		h := http.Header{"Retry-After": {value}}
		if got := retryAfter(h, now); (got - want).Abs() > time.Microsecond {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func TestRetryAfterOrder(t *testing.T) {
	for _, tt := range []struct {
		h    http.Header
		want time.Duration
	}{
		{http.Header{"Retry-After": {"1"}, "Ratelimit-Reset": {"2"}, "X-Ratelimit-Reset": {"3"}}, 1},
		{http.Header{"Retry-After": {"-1"}, "Ratelimit-Reset": {"2"}}, 0},
		{http.Header{"Retry-After": {"x", "7"}, "Ratelimit-Reset": {"2"}}, 7},
		{http.Header{"Retry-After": {""}, "Ratelimit-Reset": {"2"}, "X-Ratelimit-Reset": {"3"}}, 2},
		{http.Header{"Ratelimit-Reset": {"r=1"}, "X-Ratelimit-Reset": {"3"}}, 3},
	} {
		if got := retryAfter(tt.h, time.Now()); got != tt.want*time.Second {
			t.Errorf("%v: got %v", tt.h, got)
		}
	}
}

func TestNextOffset(t *testing.T) {
	for _, tt := range []struct{ offset, count, next, total, want int }{
		{0, 10, 10, 25, 10},
		{20, 5, 0, 25, 0},
		{20, 5, -1, 25, 0},
		{20, 5, 25, 25, 25}, // one page too many rather than one too few
		{25, 0, 35, 25, 0},
		{0, 10, 0, 25, 10}, // no next, but more to come
		{10, 10, 5, 25, 20},
		{10, 10, 10, 0, 0},
		{0, 0, 0, 100, 0},
	} {
		if got := nextOffset(tt.offset, tt.count, tt.next, tt.total); got != tt.want {
			t.Errorf("%+v: got %d", tt, got)
		}
	}
}

// TestMaskingIsCheap: both the text and the value may be as long as an event.
func TestMaskingIsCheap(t *testing.T) {
	for _, letter := range []string{"a", "1"} {
		value, text := strings.Repeat(letter, 100_000), strings.Repeat(letter, 200_000)
		m := &masker{personal: emails{value, value + "b", text + " x"}}
		began := time.Now()
		masked := m.clean("name "+text, maxDetailBytes)
		if took := time.Since(began); took > 5*time.Second || masked != "name ***" {
			t.Errorf("%v for %.40s…", took, masked)
		}
	}
}

// TestMaskAtTheCut: no part of a value is left where a long text is cut.
func TestMaskAtTheCut(t *testing.T) {
	for _, value := range []string{"Jane Quintero", strings.Repeat("Jane", 100)} {
		m := &masker{personal: emails{value}}
		for before := maxSearchedBytes - 600; before <= maxSearchedBytes; before += 7 {
			if masked := m.clean(strings.Repeat("x", before)+value, maxSearchedBytes); strings.Contains(masked, "Jan") {
				t.Fatalf("%d: …%s", before, masked[before-10:])
			}
		}
	}
}

func TestBound(t *testing.T) {
	for in, want := range map[string]string{"abc": "abc", "abcdé": "abcd", "abc€": "abc", "abcde": "abcde", "abcdef": "abcde"} {
		if got := bound(in, 5); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

func mustURL(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := parseBaseURL(raw, false)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
