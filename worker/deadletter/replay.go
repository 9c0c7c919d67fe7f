package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
)

// ErrNoOriginal is that a letter was stored without a part of its event and that
// the event itself is no longer where it lay.
var ErrNoOriginal = errors.New("the letter was too large to hold its event, and the original is gone from its stream")

// ErrUnfit is a letter that cannot be replayed, whatever is tried: the fault is its
// own and no other letter's.
var ErrUnfit = errors.New("it cannot be replayed")

// Replay is the next try of a dead event, as it will be published.
type Replay struct {
	// Letter is the dead letter, ID its id.
	Letter *Letter
	ID     uint64
	// Origin says which event it is and which replay.
	Origin Origin
	// Header and Data are the original's, or corrected ones. Origin's own headers
	// are not among them yet.
	Header nats.Header
	Data   []byte
}

// Prepare reads what a replay of the letter would publish; nothing is changed. The
// error is [ErrNotFound] where there is no such letter.
func (s *Store) Prepare(ctx context.Context, id uint64) (*Replay, error) {
	entry, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if entry.Fault != nil {
		return nil, fmt.Errorf("message %d of the stream: %w: %w", id, ErrUnfit, entry.Fault)
	}
	return s.ReplayOf(ctx, entry)
}

// ReplayOf is [Store.Prepare] for a letter that has been read by [Store.Get].
func (s *Store) ReplayOf(ctx context.Context, entry *Entry) (*Replay, error) {
	l := entry.Letter
	if l.Subject != events.SubjectInvoiceIssued && l.Subject != events.SubjectSessionRequested {
		return nil, fmt.Errorf("dead letter %d: %w: no worker reads the subject %q", entry.ID, ErrUnfit, l.Subject)
	}
	header, data, err := s.Original(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("dead letter %d: %w", entry.ID, err)
	}
	return &Replay{Letter: l, ID: entry.ID, Origin: l.Origin().Next(""), Header: header, Data: data}, nil
}

// Original is the message as it failed; what the letter leaves out is read from
// where it came from. The error is [ErrNoOriginal] where it is no longer there.
func (s *Store) Original(ctx context.Context, l *Letter) (nats.Header, []byte, error) {
	if !l.BodyOmitted && !l.HeadersOmitted {
		return l.Header, l.Data, nil
	}
	source, err := s.js.Stream(ctx, l.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil, fmt.Errorf("%w: %s", ErrNoOriginal, l.Stream)
	} else if err != nil {
		return nil, nil, fmt.Errorf("read the original: %w", err)
	}
	msg, err := source.GetMsg(ctx, l.Sequence)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, nil, fmt.Errorf("%w: %s, message %d", ErrNoOriginal, l.Stream, l.Sequence)
	case err != nil:
		return nil, nil, fmt.Errorf("read the original: %w", err)
	case !msg.Time.Equal(l.Time) || msg.Subject != l.Subject: // the stream was made anew
		return nil, nil, fmt.Errorf("%w: %s has another message %d by now", ErrNoOriginal, l.Stream, l.Sequence)
	}
	header, data := l.Header, l.Data
	if l.HeadersOmitted {
		header = history.WithoutAdded(msg.Header)
	}
	if l.BodyOmitted {
		data = msg.Data
	}
	return header, data, nil
}

// Message is what is published: the original's body and its headers, but none that
// NATS would act on, and those that say which replay it is.
func (r *Replay) Message() *nats.Msg {
	msg := &nats.Msg{Subject: r.Letter.Subject, Header: make(nats.Header, len(r.Header)+6), Data: r.Data}
	for name, values := range r.Header {
		switch {
		case !sendable(name), hasPrefixFold(name, ownPrefix), hasPrefixFold(name, natsPrefix):
		case len(r.Data) == 0 && name == statusHeader:
		default:
			msg.Header[name] = slices.Clone(values)
		}
	}
	r.Origin.Mark(msg.Header)
	return msg
}

// Event decodes the event; the error is an [*events.InvalidError].
func (r *Replay) Event() (*events.Event, error) {
	return events.Decode(r.Letter.Subject, r.Message().Header, r.Data)
}

// identity is what makes a session request one; "" for an invoice.
func (r *Replay) identity(event *events.Event) string {
	switch {
	case event.Session == nil:
		return ""
	case r.Origin.Identity != "":
		return r.Origin.Identity
	default:
		return events.SessionIdentity(event, r.Origin.MsgID)
	}
}

// Sent is a replay that is in its stream.
type Sent struct {
	// ID is that of the letter.
	ID uint64
	// Event names the try, as [Origin.ID] does.
	Event string
	// Stream and Sequence are where the replay lies.
	Stream   string
	Sequence uint64
	// Earlier says that it was there already: an interrupted replay, or one that
	// runs at the same time, had sent it.
	Earlier bool

	subject, token string
	created        string // the id of its link.created, "" of an invalid event
	perishable     bool   // that id may have a number at its end
	causation      string
}

// Replay publishes the letter's event to its subject again and then removes the
// letter.
//
// It may be cut off anywhere and repeated, and run twice at once: a repeat is known
// by its id to the stream for as long as its duplicate window, and then to the
// worker by the name of the try, which is the same each time. So the letter goes
// only when its event is there, and the event has one outcome. The error is
// [ErrNotFound] where there is no such letter any more.
func (s *Store) Replay(ctx context.Context, id uint64) (*Sent, error) {
	r, err := s.Prepare(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.Send(ctx, r)
}

// Send is [Store.Replay] for what was prepared before. With an error there may be a
// Sent all the same: then the replay is in its stream, the letter could not be
// removed, and a repeat will do no more than that.
func (s *Store) Send(ctx context.Context, r *Replay) (*Sent, error) {
	s.reached(stepRead)
	msg := r.Message()
	ack, err := publish(ctx, s.js, msg)
	switch {
	case tooLarge(err):
		return nil, fmt.Errorf("dead letter %d: %w: with the headers of a replay its event is larger (%d bytes) than the NATS server takes, raise max_payload: %w",
			r.ID, ErrUnfit, msg.Size(), err)
	case err != nil:
		return nil, fmt.Errorf("dead letter %d: no stream has acknowledged its replay, and so it was not removed: %w", r.ID, err)
	}
	sent := r.sent(ack)
	s.reached(stepSent)
	if err := s.Discard(ctx, r.ID); err != nil {
		return sent, fmt.Errorf("replayed, and yet: %w", err)
	}
	return sent, nil
}

func (r *Replay) sent(ack *jetstream.PubAck) *Sent {
	sent := &Sent{
		ID: r.ID, Event: r.Origin.ID(), Stream: ack.Stream, Sequence: ack.Sequence, Earlier: ack.Duplicate,
		subject: r.Letter.Subject, token: r.Letter.Token,
	}
	if event, err := r.Event(); err == nil {
		identity := r.identity(event)
		sent.token, sent.created = event.Token(), events.LinkCreatedID(event.Token(), identity)
		sent.perishable = events.Perishable(identity)
		sent.causation = events.CausationID(event, r.Origin.MsgID)
	}
	return sent
}
