package deadletter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

// Parse reads a message of the dead-letter stream: the inverse of
// [Letter.Message]. It is an error when the message is no dead letter, or one that
// could not be replayed.
func Parse(subject string, header nats.Header, data []byte) (*Letter, error) {
	original, found := strings.CutPrefix(subject, events.DeadLetterPrefix)
	if !found || original == "" {
		return nil, fmt.Errorf("a message with subject %q is no dead letter", subject)
	}
	r := reader{header: header}
	l := &Letter{
		Subject: original, Data: data,
		Reason:       Reason(header.Get(headerReason)),
		Token:        header.Get(headerToken),
		Code:         header.Get(headerCode),
		Type:         header.Get(headerType),
		TraceID:      header.Get(headerTraceID),
		Detail:       header.Get(headerDetail),
		Worker:       header.Get(headerWorker),
		Status:       r.int(headerStatus),
		Attempts:     r.int(headerAttempts),
		FirstAttempt: r.time(headerFirstAttempt),
		LastAttempt:  r.time(headerLastAttempt),
		Stream:       header.Get(headerStream),
		Sequence:     r.sequence(headerSequence),
		Time:         r.time(headerTime),
		Replays:      r.int(headerReplays),
		Event:        header.Get(headerEvent),
		Identity:     uncarry(header.Get(headerIdentity)),
		MsgID:        uncarry(header.Get(headerMsgID)),
	}
	l.EventID = Origin{Event: l.Event, Replays: l.Replays, Hash: header.Get(headerEdit)}.ID()
	omitted := strings.Split(header.Get(headerOmitted), ", ")
	l.BodyOmitted = slices.Contains(omitted, omittedBody)
	l.HeadersOmitted = slices.Contains(omitted, omittedHeaders)
	if !l.HeadersOmitted {
		l.Header = originalHeaders(header)
	}
	// Where a stream transforms its subjects, the header still knows.
	if named := header.Get(headerSubject); named != "" {
		l.Subject = named
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return l, nil
}

// reader reads headers that are not just text, and keeps the first fault. Absent
// is zero.
type reader struct {
	header nats.Header
	err    error
}

func (r *reader) fault(name, problem string) {
	if r.err == nil {
		r.err = fmt.Errorf("no dead letter: %s %s", name, problem)
	}
}

func (r *reader) int(name string) int {
	value := r.header.Get(name)
	if value == "" {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		r.fault(name, "is no number from 0 up")
		return 0
	}
	return n
}

func (r *reader) sequence(name string) uint64 {
	value := r.header.Get(name)
	if value == "" {
		return 0
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		r.fault(name, "is no sequence")
	}
	return n
}

func (r *reader) time(name string) time.Time {
	value := r.header.Get(name)
	if value == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		r.fault(name, "is no RFC 3339 time")
	}
	return t
}
