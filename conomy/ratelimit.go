package conomy

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxRetryAfter bounds what an answer may ask for: a slip in a header must
	// not stop everything for a day.
	maxRetryAfter = 5 * time.Minute
	// unixFrom is where a number of seconds is a Unix time.
	unixFrom = 1e9
)

// retryAfter reads how long an answer asks callers to wait, from the first of
// the headers that can be read. See RFC 9110, 10.2.3 for Retry-After; the other
// two have no standard with these names, and servers put in seconds, a date or a
// Unix time.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After", "RateLimit-Reset", "X-RateLimit-Reset"} {
		for _, value := range h.Values(name) {
			if d, ok := parseWait(value, now); ok {
				return min(max(d, 0), maxRetryAfter)
			}
		}
	}
	return 0
}

func parseWait(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789.-") == "" {
		seconds, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
			return 0, false
		case seconds > unixFrom:
			seconds -= float64(now.UnixNano()) / float64(time.Second)
		}
		// Bounded before the conversion, which would overflow.
		seconds = min(max(seconds, 0), maxRetryAfter.Seconds())
		return time.Duration(seconds * float64(time.Second)), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.Sub(now), true
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at.Sub(now), true
	}
	return 0, false
}
