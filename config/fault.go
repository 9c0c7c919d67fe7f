package config

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	// Name is the environment variable.
	Name string
	// Flag is its flag without dashes; "" where it has none.
	Flag string
	// FromFlag tells that the faulty value was given by the flag.
	FromFlag bool
	// Text says what is wrong and how to mend it, without quoting a secret.
	Text string
}

// String returns the fault as one line: NAME (--flag): text.
func (f Fault) String() string {
	if f.Flag == "" {
		return f.Name + ": " + f.Text
	}
	return fmt.Sprintf("%s (--%s): %s", f.Name, f.Flag, f.Text)
}

// FaultsError is the error of [Load]: every fault, in the order of [Settings].
type FaultsError struct{ Faults []Fault }

// Error lists every fault on a line of its own.
func (e *FaultsError) Error() string {
	var b strings.Builder
	if len(e.Faults) == 1 {
		b.WriteString("the configuration has a fault:")
	} else {
		fmt.Fprintf(&b, "the configuration has %d faults:", len(e.Faults))
	}
	for _, f := range e.Faults {
		b.WriteString("\n  " + f.String())
	}
	return b.String()
}

// FromFlags reports whether a flag is at fault, so that the command line was
// wrong and not (only) the environment.
func (e *FaultsError) FromFlags() bool {
	for _, f := range e.Faults {
		if f.FromFlag {
			return true
		}
	}
	return false
}
