package torture

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// found is what the streams and the vendor's book have in the end.
type found struct {
	asked    []*asked
	byEvent  map[*event][]*asked
	byToken  map[string][]*asked
	created  map[string][]*notice // by ce-id
	failed   map[string][]*notice // by the name of the try of an event that they speak of
	letters  map[string][]*letter // likewise
	strange  []*notice            // what of LINKS and DEADLETTERS cannot be read
	links    map[string]*conomytest.Link
	sessions map[string][]*conomytest.Session // by token
	calls    map[string][]*conomytest.Request // by token
}

// asked is an event as BILLING has it.
type asked struct {
	*event
	sequence uint64
	stored   time.Time
	name     string // of this try of the event, see [deadletter.Origin.ID]
	replays  int
}

// notice is a message of LINKS.
type notice struct {
	events.Notice
	sequence uint64
	stored   time.Time
	subject  string
	header   nats.Header
	fault    error
}

// letter is a dead letter.
type letter struct {
	*deadletter.Letter
	sequence uint64
	stored   time.Time
}

// gather reads everything.
func (t *trial) gather(ctx context.Context) (*found, error) {
	f := &found{
		byEvent: map[*event][]*asked{}, byToken: map[string][]*asked{}, created: map[string][]*notice{}, failed: map[string][]*notice{}, letters: map[string][]*letter{},
		links: map[string]*conomytest.Link{}, sessions: map[string][]*conomytest.Session{}, calls: map[string][]*conomytest.Request{},
	}
	byID := map[string]*event{}
	for _, e := range t.plan.events {
		byID[e.id] = e
	}
	err := t.each(ctx, events.StreamBilling, func(msg *jetstream.RawStreamMsg) { f.ask(byID, msg) })
	if err != nil {
		return nil, err
	}
	if err := t.each(ctx, events.StreamLinks, f.notice); err != nil {
		return nil, err
	}
	if err := t.each(ctx, events.StreamDeadLetters, f.letter); err != nil {
		return nil, err
	}
	for _, l := range t.replays.sent {
		if !slices.ContainsFunc(f.letters[l.EventID], func(other *letter) bool { return other.sequence == l.sequence }) {
			f.letters[l.EventID] = append(f.letters[l.EventID], l)
		}
	}
	for _, l := range t.vendor.Links() {
		f.links[l.CheckoutToken] = &l
	}
	for _, s := range t.vendor.Sessions() {
		f.sessions[s.CheckoutToken] = append(f.sessions[s.CheckoutToken], &s)
	}
	for _, r := range t.vendor.Requests() {
		if r.Token != "" {
			f.calls[r.Token] = append(f.calls[r.Token], &r)
		}
	}
	return f, nil
}

// each reads all that a stream has.
func (t *trial) each(ctx context.Context, name string, read func(*jetstream.RawStreamMsg)) error {
	next, met := uint64(1), uint64(0)
	return t.insist(ctx, func(ctx context.Context) (err error) {
		next, err = t.follow(ctx, name, "", next, func(msg *jetstream.RawStreamMsg) {
			read(msg)
			met++
		})
		if err != nil {
			return err
		}
		stream, err := t.js.Stream(ctx, name)
		if err == nil && met < stream.CachedInfo().State.Msgs {
			err = fmt.Errorf("of %d messages in %s only %d can be read", stream.CachedInfo().State.Msgs, name, met) // by a server that is behind
		}
		return err
	})
}

func (f *found) ask(byID map[string]*event, msg *jetstream.RawStreamMsg) {
	origin := deadletter.OriginOf(msg.Header, &jetstream.MsgMetadata{
		Stream: events.StreamBilling, Sequence: jetstream.SequencePair{Stream: msg.Sequence}, Timestamp: msg.Time,
	})
	e := byID[origin.MsgID]
	if e == nil {
		return // somebody else's
	}
	a := &asked{event: e, sequence: msg.Sequence, stored: msg.Time, name: origin.ID(), replays: origin.Replays}
	f.asked = append(f.asked, a)
	f.byEvent[e] = append(f.byEvent[e], a)
	f.byToken[a.token] = append(f.byToken[a.token], a)
}

func (f *found) notice(msg *jetstream.RawStreamMsg) {
	n := &notice{sequence: msg.Sequence, stored: msg.Time, subject: msg.Subject, header: msg.Header}
	n.Notice, n.fault = events.DecodeNotice(msg.Subject, msg.Header, msg.Data)
	switch {
	case n.fault != nil:
		f.strange = append(f.strange, n)
	case n.Created != nil:
		f.created[n.ID] = append(f.created[n.ID], n)
	default:
		f.failed[n.ID] = append(f.failed[n.ID], n)
	}
}

func (f *found) letter(msg *jetstream.RawStreamMsg) {
	l, err := letterOf(msg)
	if err != nil {
		f.strange = append(f.strange, &notice{sequence: msg.Sequence, stored: msg.Time, subject: msg.Subject, fault: err})
		return
	}
	f.letters[l.EventID] = append(f.letters[l.EventID], l)
}

// failures are the link.failed of a try of an event.
func (f *found) failures(a *asked) []*notice { return f.failed[events.LinkFailedID(a.name)] }
