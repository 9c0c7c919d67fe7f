package torture

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// replays are what operators do meanwhile: dead letters are sent again, by the library behind linkworker dlq replay.
type replays struct {
	next uint64          // of DEADLETTERS, to be read
	last map[string]dead // the last letter of an event, by the event's id
	sent []*letter       // which are in the stream no more
}

// dead is an event's letter, and the try of the event that died.
type dead struct {
	letter uint64
	try    string
}

// died reports whether an event has a dead letter that can be replayed: one that the billing system was told of, too.
func (t *trial) died(ctx context.Context, e *event) (bool, error) {
	r := &t.replays
	err := t.insist(ctx, func(ctx context.Context) (err error) {
		r.next, err = t.follow(ctx, events.StreamDeadLetters, "", r.next, func(msg *jetstream.RawStreamMsg) {
			if l, err := deadletter.Parse(msg.Subject, msg.Header, msg.Data); err == nil {
				if r.last == nil {
					r.last = map[string]dead{}
				}
				r.last[l.MsgID] = dead{msg.Sequence, l.EventID}
			}
		})
		return err
	})
	letter, found := r.last[e.id]
	if err != nil || !found {
		return false, err
	}
	return t.told(ctx, events.LinkFailedID(letter.try))
}

// replay sends an event's dead letter again.
func (t *trial) replay(ctx context.Context, e *event) error {
	id := t.replays.last[e.id].letter
	err := t.insist(ctx, func(ctx context.Context) error {
		store, err := deadletter.Open(ctx, t.js, "")
		if err != nil {
			return err
		}
		entry, err := store.Get(ctx, id)
		if err == nil {
			t.keep(entry)
			_, err = store.Replay(ctx, id)
		}
		if errors.Is(err, deadletter.ErrNotFound) {
			return nil // an earlier try has removed it
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("replaying the dead letter of event %d: %w", e.number, err)
	}
	delete(t.replays.last, e.id)
	return nil
}

// keep remembers a letter that is about to be removed.
func (t *trial) keep(entry *deadletter.Entry) {
	for _, l := range t.replays.sent {
		if l.sequence == entry.ID {
			return
		}
	}
	t.replays.sent = append(t.replays.sent, &letter{entry.Letter, entry.ID, entry.Stored})
}

// refuseOnce lets the vendor refuse the first call about an event.
func (t *trial) refuseOnce(e *event) {
	t.vendor.Script(conomytest.Match{Token: e.token, Endpoint: conomytest.EndpointCreatePaymentLink}, conomytest.Failure(422))
}

// letterOf reads a message of DEADLETTERS.
func letterOf(msg *jetstream.RawStreamMsg) (*letter, error) {
	l, err := deadletter.Parse(msg.Subject, msg.Header, msg.Data)
	if err != nil {
		return nil, err
	}
	return &letter{l, msg.Sequence, msg.Time}, nil
}
