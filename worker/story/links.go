package story

import (
	"context"
	"time"

	"github.com/linkworker/linkworker/events"
)

// readNotices reads link.created and link.failed that records and graves name.
func (t *telling) readNotices(ctx context.Context) {
	created := append([]uint64(nil), t.memory.Told...)
	if l := t.memory.Link; l != nil {
		created = append(created, l.Told)
	}
	for _, s := range t.memory.Sessions {
		created = append(created, s.Told)
	}
	for _, sequence := range created {
		t.readNotice(ctx, events.SubjectLinkCreated, sequence)
	}
	for _, e := range t.memory.Events {
		t.readNotice(ctx, events.SubjectLinkFailed, e.Told)
	}
	t.readUnnamed(ctx)
}

func (t *telling) readNotice(ctx context.Context, subject string, sequence uint64) {
	if sequence == 0 {
		return
	}
	stream := t.carrier(ctx, PlaceLinks, events.StreamLinks, subject)
	if msg := t.message(ctx, PlaceLinks, stream, sequence); msg != nil {
		t.notice(rawOf(stream, msg))
	}
}

const (
	// unnamedFor is how long after the vendor's answer a link.created is searched for whose sequence is not recorded, as
	// by a former version of the worker; it may have come a little before, by the clock of its stream.
	unnamedFor    = 10 * time.Minute
	unnamedBefore = 10 * time.Second
)

// readUnnamed looks for link.created of records that are published and do not say where it lies.
func (t *telling) readUnnamed(ctx context.Context) {
	look := func(state string, told uint64, recorded time.Time) {
		if state != "published" || told != 0 || recorded.IsZero() {
			return
		}
		for _, c := range t.carriers(ctx, PlaceLinks, events.StreamLinks, events.SubjectLinkCreated) {
			t.searchNotices(ctx, c, recorded.Add(-unnamedBefore), recorded.Add(unnamedFor))
		}
	}
	if l := t.memory.Link; l != nil {
		look(l.State, l.Told, l.Recorded)
	}
	for _, s := range t.memory.Sessions {
		look(s.State, s.Told, s.Recorded)
	}
}

// notice adds a message of LINKS, if it is of the token.
func (t *telling) notice(m *stored) {
	n, err := events.DecodeNotice(m.subject, m.header, m.data)
	if err != nil || t.met[m.name()] {
		return
	}
	f := Fact{
		Time: m.time, Place: PlaceLinks, Stream: m.stream, Sequence: m.sequence, Subject: m.subject, ID: n.ID,
	}
	switch {
	case n.Created != nil && n.Created.CheckoutToken == t.question.Token:
		c := n.Created
		f.What, f.Kind, f.InvoiceID, f.LinkID, f.SessionID, f.URL, f.Status = WhatCreated, c.Kind, c.InvoiceID, c.LinkID, c.SessionID, c.URL, c.Status
		f.Amount, f.Currency = string(c.Amount), c.Currency
		f.Text = "link.created told of the " + noun(c.Kind) + ": " + c.URL
	case n.Failed != nil && n.Failed.CheckoutToken == t.question.Token:
		d := n.Failed
		f.What, f.Kind, f.InvoiceID, f.Reason, f.Code, f.Detail, f.TraceID = WhatFailed, d.Kind, d.InvoiceID, d.Reason, d.Code, d.Detail, d.TraceID
		f.DeadLetter = d.DeadLetter
		f.Text = "link.failed told of dead letter " + d.DeadLetter + ": " + reasonOf(&f)
	default:
		return
	}
	t.met[m.name()] = true
	t.add(f)
}

func noun(kind events.Kind) string {
	if kind == events.KindCheckoutSession {
		return "session"
	}
	return "link"
}
