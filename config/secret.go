package config

import (
	"fmt"
	"io"
	"log/slog"
)

// mask is what stands where a secret would be printed.
const mask = "***"

// Secret is a value that prints as ***, whichever way it is formatted: fmt
// with any verb, encoding/json, log/slog. An empty secret prints as nothing,
// so that one can see that it is missing.
type Secret struct {
	// A pointer, because fmt calls no methods on a value in another struct's
	// unexported field: it would print a string there, but only the address
	// of what a pointer below the top level points to.
	value *string
}

// NewSecret wraps value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the secret itself. Hand it only to what needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns *** or, for an empty secret, nothing.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// GoString masks the secret for %#v.
func (s Secret) GoString() string { return fmt.Sprintf("config.Secret(%q)", s.String()) }

// Format masks the secret for every verb of fmt.
func (s Secret) Format(f fmt.State, verb rune) { formatMasked(f, verb, s.String(), s.GoString()) }

// LogValue masks the secret for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret for encoding/json and others.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// URL is an address that may hold a password or a token. It prints with both
// masked: redis://user:***@host:6379/0.
type URL struct{ value *string }

// NewURL wraps raw, one URL or a comma-separated list.
func NewURL(raw string) URL {
	if raw == "" {
		return URL{}
	}
	return URL{value: &raw}
}

// Reveal returns the URL as it was given, passwords included.
func (u URL) Reveal() string {
	if u.value == nil {
		return ""
	}
	return *u.value
}

// String returns the URL with passwords and tokens masked.
func (u URL) String() string { return redactURLs(u.Reveal()) }

// GoString masks passwords for %#v.
func (u URL) GoString() string { return fmt.Sprintf("config.URL(%q)", u.String()) }

// Format masks passwords for every verb of fmt.
func (u URL) Format(f fmt.State, verb rune) { formatMasked(f, verb, u.String(), u.GoString()) }

// LogValue masks passwords for log/slog.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText masks passwords for encoding/json and others.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

func formatMasked(f fmt.State, verb rune, text, goText string) {
	switch {
	case verb == 'v' && f.Flag('#'):
		text = goText
	case verb == 'q':
		text = fmt.Sprintf("%q", text)
	}
	// What a formatter cannot write, its caller cannot be told either.
	_, _ = io.WriteString(f, text)
}
