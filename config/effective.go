package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// Source is where a value came from.
type Source string

// The sources, the later ones winning.
const (
	SourceDefault     Source = "default"
	SourceFile        Source = "file"
	SourceEnvironment Source = "environment"
	SourceFlag        Source = "flag"
)

// Value is one setting as it is in effect, fit to be printed.
type Value struct {
	Name string `json:"name"`
	// Value is the raw value; *** where it is secret, *** in place of passwords
	// in URLs, and *** for a faulty URL.
	Value string `json:"value"`
	// Source is a [Source], with the file's path: "file /run/secrets/key".
	Source string `json:"source"`
}

// Effective returns the settings that were loaded, secrets masked, in the
// order of [Settings].
func (c *Config) Effective() []Value { return c.values }

func effective(s Setting, got found, faulty bool) Value {
	v := Value{Name: s.Name, Value: s.Default, Source: string(got.source)}
	if got.source == SourceFile {
		v.Source += " " + got.path
	}
	if !got.ok && !faulty {
		return v
	}
	switch {
	case s.Secret:
		v.Value = NewSecret(got.raw).String()
	case (s.URL || s.shy) && faulty:
		v.Value = mask
	case s.login:
		v.Value = NewURL(got.raw).String()
	case faulty:
		v.Value = strings.Trim(quote(got.raw), `"`)
	default:
		v.Value = got.raw
	}
	return v
}

// String lists the settings in effect as NAME=value, secrets masked.
func (c Config) String() string {
	pairs := make([]string, len(c.values))
	for i, v := range c.values {
		pairs[i] = v.Name + "=" + v.Value
	}
	return "config{" + strings.Join(pairs, " ") + "}"
}

// GoString is String, so that %#v prints no secret either.
func (c Config) GoString() string { return c.String() }

// Format is String for every verb of fmt.
func (c Config) Format(f fmt.State, verb rune) { formatMasked(f, verb, c.String(), c.String()) }

// LogValue makes the settings in effect a group, secrets masked.
func (c Config) LogValue() slog.Value {
	attrs := make([]slog.Attr, len(c.values))
	for i, v := range c.values {
		attrs[i] = slog.String(v.Name, v.Value)
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON writes the settings in effect, secrets masked.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.values) }
