package story

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/shopspring/decimal"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// stored is a message in a stream.
type stored struct {
	stream   string
	sequence uint64
	time     time.Time
	subject  string
	header   nats.Header
	data     []byte
}

func (m *stored) name() string { return m.stream + "." + strconv.FormatUint(m.sequence, 10) }

func rawOf(stream jetstream.Stream, m *jetstream.RawStreamMsg) *stored {
	return &stored{stream.CachedInfo().Config.Name, m.Sequence, m.Time, m.Subject, m.Header, m.Data}
}

// readNamed reads the messages that the token's records name.
func (t *telling) readNamed(ctx context.Context) {
	if t.memory == nil || t.NATS == nil {
		return
	}
	for _, e := range t.memory.Events {
		name, sequence, ok := position(e.Message)
		if !ok {
			continue
		}
		stream := t.stream(ctx, PlaceBilling, name)
		if msg := t.message(ctx, PlaceBilling, stream, sequence); msg != nil {
			t.event(rawOf(stream, msg))
		}
	}
	t.readLetters(ctx)
	t.readNotices(ctx)
}

// event adds a message of BILLING, if it is of the token, and reports whether it is.
func (t *telling) event(m *stored) bool {
	event, err := events.Decode(m.subject, m.header, m.data)
	var invalid *events.InvalidError
	if errors.As(err, &invalid) && invalid.Token != t.question.Token || err == nil && event.Token() != t.question.Token {
		return false
	}
	if t.met[m.name()] {
		return true
	}
	t.met[m.name()] = true
	origin := deadletter.OriginOf(m.header, &jetstream.MsgMetadata{
		Stream: m.stream, Sequence: jetstream.SequencePair{Stream: m.sequence}, Timestamp: m.time,
	})
	f := Fact{
		Time: m.time, Place: PlaceBilling, What: WhatArrived, Stream: m.stream, Sequence: m.sequence, Event: origin.ID(),
		Subject: m.subject, ID: m.header.Get(jetstream.MsgIDHeader), Replays: origin.Replays,
	}
	asked := m.subject
	if origin.Replays > 0 {
		f.What = WhatReplayed
		how := ""
		if origin.Hash != "" {
			how = " with corrected data"
		}
		asked = fmt.Sprintf("replay %d%s of the %s that came as %s", origin.Replays, how, m.subject, places(origin.Event))
	}
	if invalid != nil {
		f.InvoiceID, f.Detail = invalid.InvoiceID, invalid.Error()
		f.Text = asked + ", which breaks a rule: " + strings.TrimPrefix(f.Detail, "invalid "+m.subject+": ")
		t.add(f)
		return true
	}
	describe(&f, event, origin)
	f.Text = asked + said("for ", strings.TrimSpace(f.Amount+" "+f.Currency)) + said("identity ", f.Identity) + said("invoice ", f.InvoiceID)
	t.add(f)
	return true
}

// describe adds what the event says itself, and nothing of its payer.
func describe(f *Fact, event *events.Event, origin deadletter.Origin) {
	f.Kind, f.InvoiceID = event.Kind, event.InvoiceID()
	if event.Session != nil {
		if f.Identity = origin.Identity; f.Identity == "" {
			f.Identity = events.SessionIdentity(event, origin.MsgID)
		}
		return
	}
	total := decimal.Zero
	for _, item := range event.Invoice.Items {
		amount, err := item.TotalAmount.Decimal()
		if err != nil {
			return
		}
		total = total.Add(amount)
	}
	f.Amount, f.Currency = total.String(), event.Invoice.Currency
}

// said is a part of a sentence, "" where there is nothing to say.
func said(before, what string) string {
	if what == "" {
		return ""
	}
	return ", " + before + what
}

// places is the stream and sequence in an event's name, for people.
func places(event string) string {
	parts := strings.SplitN(event, ".", 3)
	if len(parts) < 3 {
		return event
	}
	return parts[0] + " " + parts[1]
}
