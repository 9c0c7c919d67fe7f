package topology

import (
	"fmt"
	"strings"
)

// Severity says what a [Finding] means for the worker.
type Severity string

// The severities.
const (
	// Missing is not there: [Ensure] makes it.
	Missing Severity = "missing"
	// Unfit breaks the worker's promise: it refuses to start.
	Unfit Severity = "unfit"
	// Weak keeps the promise less well than configured: it warns.
	Weak Severity = "weak"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	// Object is what it is about, such as "stream LINKS" or "consumer
	// linkworker-invoices".
	Object   string
	Severity Severity
	// Problem is what is wrong and what comes of it.
	Problem string
	// Mend is what to do about it.
	Mend string
}

// String is the finding in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s; to mend: %s", f.Object, f.Problem, f.Mend)
}

// UnfitError is why the worker refuses to start: all that is unfit, not only
// the first thing.
type UnfitError struct {
	Findings []Finding
}

// Error has one line for each finding.
func (e *UnfitError) Error() string {
	lines := make([]string, 0, 1+len(e.Findings))
	lines = append(lines, "streams or consumers cannot keep the worker's promise:")
	for _, f := range e.Findings {
		lines = append(lines, "  "+f.String())
	}
	return strings.Join(lines, "\n")
}
