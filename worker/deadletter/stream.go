package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
)

// Store is the stream of dead letters, for those who look after them. It is safe
// for concurrent use.
type Store struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	filter string // what a reader has to ask for: "" is all there is

	// reached is called between the steps of a replay, so that a test can end it
	// exactly there.
	reached func(step)
}

// step is a gap between two steps of a replay.
type step string

const (
	stepRead step = "read" // nothing is sent
	stepSent step = "sent" // sent, and not removed
)

// ErrNoStream is that no stream carries dead letters.
var ErrNoStream = errors.New("no stream carries dead letters")

// Open finds the stream that carries the dead letters; a name is needed only where
// their subjects are in several. The error is [ErrNoStream] where there is none.
func Open(ctx context.Context, js jetstream.JetStream, name string) (*Store, error) {
	if name == "" {
		var err error
		if name, err = find(ctx, js); err != nil {
			return nil, err
		}
	}
	stream, err := js.Stream(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("%w: there is no stream %s", ErrNoStream, name)
	case err != nil:
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	s := &Store{js: js, stream: stream, reached: func(step) {}}
	for _, subject := range stream.CachedInfo().Config.Subjects {
		if !strings.HasPrefix(subject, events.DeadLetterPrefix) {
			s.filter = events.DeadLetterPrefix + ">"
		}
	}
	return s, nil
}

func find(ctx context.Context, js jetstream.JetStream) (string, error) {
	found := ""
	for _, subject := range []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested} {
		name, err := events.StreamOf(ctx, js, events.DeadLetterPrefix+subject)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			continue
		case err != nil:
			return "", fmt.Errorf("find the stream of dead letters: %w", err)
		case found != "" && found != name:
			return "", fmt.Errorf("dead letters are in two streams, %s and %s, each with ids of its own: say which", found, name)
		}
		found = name
	}
	if found == "" {
		return "", ErrNoStream
	}
	return found, nil
}

// Name is the stream's name.
func (s *Store) Name() string { return s.stream.CachedInfo().Config.Name }

// Entry is one message of the stream.
type Entry struct {
	// ID is its sequence.
	ID uint64
	// Stored is when it came into the stream.
	Stored time.Time
	// Letter is what the message says; nil where it is no dead letter, and Fault
	// says why. In a listing the letter's Data are not read.
	Letter *Letter
	Fault  error
	// Message is the message as it is stored; in a listing without its body.
	Message *nats.Msg
}

// Get reads one message with all that is in it. The error is [ErrNotFound] where
// there is none.
func (s *Store) Get(ctx context.Context, id uint64) (*Entry, error) {
	msg, err := s.stream.GetMsg(ctx, id)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, fmt.Errorf("dead letter %d: %w", id, ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("dead letter %d: it cannot be read: %w", id, err)
	case !strings.HasPrefix(msg.Subject, events.DeadLetterPrefix):
		return nil, fmt.Errorf("dead letter %d: %w: that message of the stream is of another subject", id, ErrNotFound)
	}
	stored := nats.Msg{Subject: msg.Subject, Header: history.WithoutAdded(msg.Header), Data: msg.Data}
	return newEntry(id, msg.Time, &stored), nil
}

func newEntry(id uint64, stored time.Time, msg *nats.Msg) *Entry {
	e := &Entry{ID: id, Stored: stored.UTC(), Message: msg}
	e.Letter, e.Fault = Parse(msg.Subject, msg.Header, msg.Data)
	return e
}

// Discard removes the message with the id from the stream. One that is gone already
// is no error.
func (s *Store) Discard(ctx context.Context, id uint64) error {
	err := s.stream.DeleteMsg(ctx, id)
	if err == nil {
		return nil
	}
	// The server's refusal does not say whether the message was there.
	if gone, infoErr := s.gone(ctx, id); infoErr == nil && gone {
		return nil
	}
	return fmt.Errorf("dead letter %d: it was not removed: %w", id, err)
}

// gone reports whether the stream's leader has no message with the id. To ask for the
// message would not tell: any replica answers for one of a stream with allow_direct,
// and a replica that is behind has not heard of a new letter yet.
func (s *Store) gone(ctx context.Context, id uint64) (bool, error) {
	info, err := s.stream.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return false, err
	}
	state := info.State
	return id < state.FirstSeq || id > state.LastSeq || slices.Contains(state.Deleted, id), nil
}
