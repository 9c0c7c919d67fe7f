package story

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/worker/rights"
)

// askTimeout bounds one question to NATS.
const askTimeout = 5 * time.Second

// ask puts a question to NATS and does not wait for its answer for long.
func (t *telling) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return t.heed(ctx, question)
}

// heed ends a question that the server refuses.
func (t *telling) heed(ctx context.Context, question func(context.Context) error) error {
	return rights.Heed(ctx, t.NATS.Conn(), question)
}

// unread makes a gap of an error of NATS.
func (t *telling) unread(place Place, what string, err error) {
	var missing *rights.Missing
	switch {
	case errors.As(err, &missing):
		t.gap(place, fmt.Sprintf("%s cannot be read: %v", what, missing), "grant it, or ask as another user")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		t.gap(place, what+" cannot be read: NATS does not answer", "is JetStream up, and has its cluster a leader?")
	case errors.Is(err, jetstream.ErrStreamNotFound):
		t.gap(place, what+" cannot be read: there is no such stream", "make it with linkworker provision, or start linkworker run once")
	default:
		t.gap(place, fmt.Sprintf("%s cannot be read: %v", what, err), "")
	}
}

// stream opens a stream by its name, once; nil where that is not possible, which is a gap then.
func (t *telling) stream(ctx context.Context, place Place, name string) jetstream.Stream {
	if s, known := t.streams[name]; known || t.NATS == nil {
		return s
	}
	var s jetstream.Stream
	err := t.ask(ctx, func(ctx context.Context) (err error) {
		s, err = t.NATS.Stream(ctx, name)
		return err
	})
	if err != nil {
		s = nil
		t.unread(place, "the stream "+name, err)
	}
	t.streams[name] = s
	return s
}

// carrier opens the stream that carries the subject: that of the usual name where it does, so that no right to look for
// others is needed.
func (t *telling) carrier(ctx context.Context, place Place, usual, subject string) jetstream.Stream {
	if t.NATS == nil {
		return nil
	}
	key := "carrier of " + subject
	if s, known := t.streams[key]; known {
		return s
	}
	var s jetstream.Stream
	err := t.ask(ctx, func(ctx context.Context) (err error) {
		s, err = t.NATS.Stream(ctx, usual)
		return err
	})
	if err != nil {
		s = nil
	}
	if s == nil || !carries(s, subject) {
		name := ""
		namesErr := t.ask(ctx, func(ctx context.Context) (err error) {
			name, err = t.NATS.StreamNameBySubject(ctx, subject)
			return err
		})
		switch {
		case namesErr == nil && (s == nil || name != usual):
			s = t.stream(ctx, place, name)
		case s == nil && errors.Is(err, jetstream.ErrStreamNotFound):
			t.unread(place, "the stream that carries "+subject, namesErr)
		case s == nil:
			t.unread(place, "the stream "+usual, err)
		}
	}
	t.streams[key] = s
	return s
}

// carrying is a stream with those subjects of the ones asked for that it carries.
type carrying struct {
	stream   jetstream.Stream
	subjects []string
}

// carriers opens the streams that carry the subjects.
func (t *telling) carriers(ctx context.Context, place Place, usual string, subjects ...string) (all []carrying) {
	at := map[string]int{}
	for _, subject := range subjects {
		s := t.carrier(ctx, place, usual, subject)
		if s == nil {
			continue
		}
		name := s.CachedInfo().Config.Name
		if _, known := at[name]; !known {
			at[name] = len(all)
			all = append(all, carrying{stream: s})
		}
		all[at[name]].subjects = append(all[at[name]].subjects, subject)
	}
	return all
}

func carries(s jetstream.Stream, subject string) bool {
	for _, pattern := range s.CachedInfo().Config.Subjects {
		if before, open := strings.CutSuffix(pattern, ">"); pattern == subject || open && strings.HasPrefix(subject, before) {
			return true
		}
	}
	return false
}

// message reads one message; nil where it is gone or cannot be read, which is a gap then.
func (t *telling) message(ctx context.Context, place Place, s jetstream.Stream, sequence uint64) *jetstream.RawStreamMsg {
	if s == nil {
		return nil
	}
	var msg *jetstream.RawStreamMsg
	err := t.ask(ctx, func(ctx context.Context) (err error) {
		msg, err = s.GetMsg(ctx, sequence)
		return err
	})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		t.answered(place)
		return nil
	case err != nil:
		t.unread(place, "the stream "+s.CachedInfo().Config.Name, err)
		return nil
	}
	t.answered(place)
	t.story.Messages++
	return msg
}
