package events

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxErrorBytes bounds what [InvalidError] says of itself, so that it fits into a
// header and a log line.
const maxErrorBytes = 900

// FieldError is one fault of one field.
type FieldError struct {
	// Path lies in the data, like items[0].totalAmount; "" is the data as a
	// whole. Faults of the envelope have the attribute's name: data, id,
	// source, or ce-id, ce-source for headers.
	Path string
	// Problem says what is wrong, in words that follow the path. It never quotes
	// a value.
	Problem string
}

// InvalidError is why an event cannot be worked on, and what of it could be read
// all the same. No try will make such an event valid.
type InvalidError struct {
	Subject string
	Kind    Kind // "" for a subject that asks for nothing
	// What could be read, and keeps the rules; else "".
	Token, InvoiceID, RequestID string
	Metadata                    jsontext.Value
	// As in [Event].
	ID, Source string
	// Every bad field, each path once, sorted by path; of more than 1000 those
	// found first.
	Fields []FieldError
}

// Error names every bad field with its path in one line of at most 900 bytes;
// where there are more than it can hold, it says how many.
func (e *InvalidError) Error() string {
	const room = 24 // for the count of those left out
	var b strings.Builder
	b.WriteString("invalid ")
	b.WriteString(subjectName(e.Subject))
	for i, f := range e.Fields {
		part := f.String()
		if b.Len()+len(part)+room > maxErrorBytes {
			b.WriteString("; and ")
			b.WriteString(strconv.Itoa(len(e.Fields) - i))
			b.WriteString(" more")
			break
		}
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(part)
	}
	return b.String()
}

// String is the path and the problem, as one phrase.
func (f FieldError) String() string {
	if f.Path == "" {
		return "event " + f.Problem
	}
	return f.Path + " " + f.Problem
}

// subjectName keeps foreign text out of an error.
func subjectName(subject string) string {
	if kindOf(subject) == "" {
		return "event"
	}
	return subject
}
