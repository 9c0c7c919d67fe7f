package story

import (
	"context"
	"fmt"
	"strconv"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// readLetters reads the dead letters that the graves name.
func (t *telling) readLetters(ctx context.Context) {
	for _, e := range t.memory.Events {
		id, err := strconv.ParseUint(e.Letter, 10, 64)
		if err != nil {
			continue
		}
		stream := t.carrier(ctx, PlaceDeadLetters, events.StreamDeadLetters, events.DeadLetterPrefix+events.SubjectInvoiceIssued)
		if msg := t.message(ctx, PlaceDeadLetters, stream, id); msg != nil {
			letter, err := deadletter.Parse(msg.Subject, msg.Header, msg.Data)
			if err == nil && letter.EventID == e.Event {
				m := rawOf(stream, msg)
				t.letter(&deadletter.Entry{ID: id, Stored: m.time, Letter: letter}, m.stream)
			}
		}
	}
}

// letter adds a dead letter that is in its stream.
func (t *telling) letter(e *deadletter.Entry, stream string) {
	l := e.Letter
	key := "letter " + strconv.FormatUint(e.ID, 10)
	if t.met[key] {
		return
	}
	t.met[key] = true
	f := Fact{
		Time: e.Stored, Place: PlaceDeadLetters, What: WhatLetter, Stream: stream, Sequence: e.ID, Event: l.EventID,
		Subject: l.Subject, Identity: l.Identity, Replays: l.Replays, Attempts: l.Attempts, Reason: string(l.Reason), Code: l.Code,
		Detail: l.Detail, TraceID: l.TraceID, DeadLetter: strconv.FormatUint(e.ID, 10), Open: true,
	}
	f.Text = fmt.Sprintf("the event that came as %s %d ended as dead letter %d: %s", l.Stream, l.Sequence, e.ID, becauseOf(&f))
	t.add(f)
}

// becauseOf is why an event failed, in one line.
func becauseOf(f *Fact) string {
	if f.Detail == "" {
		return reasonOf(f)
	}
	return reasonOf(f) + ": " + f.Detail
}

// reasonOf is the same in two words.
func reasonOf(f *Fact) string { return f.Reason + said("code ", f.Code) }
