package claim

import (
	"context"
	"fmt"
)

// Death is an event that is to end, or has ended, as a dead letter.
type Death struct {
	Token   string // empty when it could not be read
	Event   string
	Verdict []byte
	Letter  string // the dead letter's id, once it and its link.failed are in their streams
}

// Bury decides that the event of the claim ends as a dead letter, and frees its token for other events. The answer holds
// the verdict that stands: an earlier one wins.
func (c *Claim) Bury(ctx context.Context, verdict []byte) (Death, error) {
	c.leaving.Store(true)
	return c.store.bury(ctx, c.grave, c.record, c.owner, Death{Event: c.event, Verdict: verdict})
}

// Bury decides the same for an event that holds no claim: one that cannot be read, or one that conflicts with what another
// event has got. Nothing but the event's own grave changes.
func (s *Store) Bury(ctx context.Context, d Death) (Death, error) {
	grave := s.graveKey(d.Token, d.Event)
	return s.bury(ctx, grave, grave, "", d)
}

func (s *Store) bury(ctx context.Context, grave, record, owner string, d Death) (Death, error) {
	reply, err := buryScript.Run(ctx, s.rdb, []string{grave, record}, owner, d.Verdict, millis(s.ttl)).StringSlice()
	if err != nil {
		return d, fmt.Errorf("claim: bury: %w", err)
	}
	a := answer(reply)
	if a.text(0) == "lost" {
		return d, ErrLost
	}
	d.Verdict, d.Letter = a.bytes(1), a.text(2)
	return d, nil
}

// Close notes that the dead letter with the given id and its link.failed are in their streams. From then on a
// redelivery of the event is only acknowledged.
func (s *Store) Close(ctx context.Context, d Death) error {
	err := closeScript.Run(ctx, s.rdb, []string{s.graveKey(d.Token, d.Event)}, d.Letter, millis(s.ttl)).Err()
	if err != nil {
		return fmt.Errorf("claim: close: %w", err)
	}
	return nil
}
