package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A field points to where a value goes.
type field[T any] func(*Config) *T

func text(to field[string]) parser {
	return func(c *Config, raw string) error {
		*to(c) = raw
		return nil
	}
}

func secret(to field[Secret], check func(string) error) parser {
	return func(c *Config, raw string) error {
		if check != nil {
			if err := check(raw); err != nil {
				return err
			}
		}
		*to(c) = NewSecret(raw)
		return nil
	}
}

// checkHeaderValue holds what goes into an HTTP header to visible ASCII. It
// catches the usual slips: "Bearer " copied along, or a line break.
func checkHeaderValue(raw string) error {
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] > '~' {
			return errors.New("has a space or another character that cannot be sent; give the bare value, without a word such as Bearer before it")
		}
	}
	return nil
}

func integer(to field[int], low, high int) parser {
	return func(c *Config, raw string) error {
		n, err := strconv.Atoi(raw)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%s is not a whole number from %d to %d; set one, such as %d", quote(raw), low, high, *to(c))
		}
		*to(c) = n
		return nil
	}
}

func rate(to field[float64]) parser {
	return func(c *Config, raw string) error {
		n, err := strconv.ParseFloat(raw, 64)
		if err != nil || math.IsNaN(n) || n < 0 || n > 1e6 {
			return fmt.Errorf("%s is not a number from 0 to 1000000; set calls a second, such as 50, or 0 for no limit", quote(raw))
		}
		*to(c) = n
		return nil
	}
}

func boolean(to field[bool]) parser {
	return func(c *Config, raw string) error {
		b, err := strconv.ParseBool(raw)
		if err != nil {
			return fmt.Errorf("%s is neither true nor false; set one of them", quote(raw))
		}
		*to(c) = b
		return nil
	}
}

// longest bounds every duration, so that sums and doubling never overflow.
const longest = 10 * 365 * 24 * time.Hour

func duration(to field[time.Duration], low time.Duration) parser {
	return func(c *Config, raw string) error {
		d, err := parseDuration(raw)
		if err != nil {
			return err
		}
		switch {
		case d < low:
			return fmt.Errorf("%s is too short; set at least %s", quote(raw), short(low))
		case d > longest:
			return fmt.Errorf("%s is too long; set at most %s", quote(raw), short(longest))
		}
		*to(c) = d
		return nil
	}
}

func wholeSeconds(to field[time.Duration], low time.Duration) parser {
	parse := duration(to, low)
	return func(c *Config, raw string) error {
		if err := parse(c, raw); err != nil {
			return err
		}
		if *to(c)%time.Second != 0 {
			return fmt.Errorf("%s is not in whole seconds; set such as 30s or 24h", quote(raw))
		}
		return nil
	}
}

func parseDuration(raw string) (time.Duration, error) {
	d, err := time.ParseDuration(raw)
	switch {
	case err == nil:
		return d, nil
	case allDigits(raw):
		return 0, fmt.Errorf("%s has no unit; for seconds write %ss", quote(raw), clip(raw))
	default:
		return 0, fmt.Errorf("%s is not a duration; write a number with a unit, such as 15s, 2m or 720h", quote(raw))
	}
}

func list(to field[[]string]) parser {
	return func(c *Config, raw string) error {
		var values []string
		for part := range strings.SplitSeq(raw, ",") {
			if part = strings.TrimSpace(part); part != "" {
				values = append(values, part)
			}
		}
		if len(values) == 0 {
			return fmt.Errorf("%s has no value in it; set a comma-separated list or leave it unset", quote(raw))
		}
		*to(c) = values
		return nil
	}
}

func oneOf(to field[string], allowed ...string) parser {
	return func(c *Config, raw string) error {
		for _, a := range allowed {
			if strings.EqualFold(raw, a) {
				*to(c) = a
				return nil
			}
		}
		return fmt.Errorf("%s is not known; set one of %s", quote(raw), strings.Join(allowed, ", "))
	}
}

func level(to field[slog.Level]) parser {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	return func(c *Config, raw string) error {
		l, ok := levels[strings.ToLower(raw)]
		if !ok {
			return fmt.Errorf("%s is not a level; set one of debug, info, warn, error", quote(raw))
		}
		*to(c) = l
		return nil
	}
}

// prefix keeps out of keys what has a meaning there: braces are hash tags,
// which decide about the cluster slot.
func prefix(to field[string]) parser {
	return func(c *Config, raw string) error {
		if strings.ContainsAny(raw, "{}") || strings.ContainsFunc(raw, isSpace) || len(raw) > 100 {
			return fmt.Errorf("%s has braces or spaces or over 100 bytes; set a short word, such as linkworker", quote(raw))
		}
		*to(c) = raw
		return nil
	}
}

var inboxForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// inboxPrefix takes the first words of a NATS subject.
func inboxPrefix(to field[string]) parser {
	return func(c *Config, raw string) error {
		if !inboxForm.MatchString(raw) || len(raw) > 100 {
			return fmt.Errorf("%s does not begin a subject; set letters, digits, - and _, with dots between words, such as _INBOX_worker", quote(raw))
		}
		*to(c) = raw
		return nil
	}
}

func hostPort(to field[string]) parser {
	return func(c *Config, raw string) error {
		if raw != "" {
			_, port, err := net.SplitHostPort(raw)
			if err != nil || !validPort(port) {
				return fmt.Errorf("%s is not host:port; set such as 127.0.0.1:8080 or :8080, or leave it empty for none", quote(raw))
			}
		}
		*to(c) = raw
		return nil
	}
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n <= math.MaxUint16 && allDigits(port)
}

func allDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// quote shows a value that is no secret, in bounded length.
func quote(raw string) string { return strconv.Quote(clip(raw)) }

func clip(raw string) string {
	if r := []rune(raw); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return raw
}

// short writes a duration without zero parts: 24h, not 24h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
