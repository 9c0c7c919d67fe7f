package deadletter

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// behind is a stream at a replica that has not heard of any message yet.
type behind struct{ jetstream.Stream }

func (behind) GetMsg(context.Context, uint64, ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	return nil, jetstream.ErrMsgNotFound
}

// What could not be removed is not taken for gone on the word of a replica.
func TestDiscardAsksTheLeader(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{DenyDelete: true})
	store, err := Open(s.ctx, s.js, "")
	if err != nil {
		t.Fatal(err)
	}
	store.stream = behind{store.stream}
	id := s.put(t, full())
	if err := store.Discard(s.ctx, id); err == nil {
		t.Error("a letter that is there was taken for removed")
	}
	if err := store.Discard(s.ctx, id+1); err != nil {
		t.Errorf("one that never was: %v", err)
	}
}

// Whoever removes what somebody else has removed has nothing to complain of.
func TestDiscardTwice(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{})
	store, err := Open(s.ctx, s.js, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"BILLING.1.1", "BILLING.2.1", "BILLING.3.1"} {
		l := full()
		l.Event, l.EventID, l.Replays = event, event+".0", 0
		s.put(t, l)
	}
	for _, id := range []uint64{2, 2, 1, 1, 3, 3} { // from the middle, the beginning and the end
		if err := store.Discard(s.ctx, id); err != nil {
			t.Error(err)
		}
	}
}
