package claim

import (
	"context"
	"fmt"
	"strconv"
)

// Death is an event that is to end, or has ended, as a dead letter.
type Death struct {
	Token   string // empty when it could not be read
	Event   string
	Message string // where its message lies: stream.sequence; "" is not known
	Verdict []byte
	Letter  string // the dead letter's id, once it is in its stream
	Ended   bool   // its link.failed is in its stream, too: nothing is left to be done
	Told    uint64 // sequence of that link.failed, for Close to keep; 0: not known
	By      string // who carries the verdict out, for Close: the same whenever it tries again
}

// Bury decides that the event of the claim ends as a dead letter, and frees its token for other events. The answer holds
// the verdict that stands: an earlier one wins.
func (c *Claim) Bury(ctx context.Context, verdict []byte) (Death, error) {
	c.leaving.Store(true)
	return c.store.bury(ctx, []string{c.grave, c.record, c.trail()}, c.owner, entry(c.event, c.message),
		Death{Event: c.event, Message: c.message, Verdict: verdict})
}

// Bury decides the same for an event that holds no claim: one that cannot be read, or one that conflicts with what another
// event has got. Nothing but the event's own grave changes.
func (s *Store) Bury(ctx context.Context, d Death) (Death, error) {
	grave, trail, left := s.graveKey(d.Token, d.Event), s.key(d.Token, "trail"), entry(d.Event, d.Message)
	if d.Token == "" { // and so no trail
		trail, left = grave, ""
	}
	return s.bury(ctx, []string{grave, grave, trail}, "", left, d)
}

func (s *Store) bury(ctx context.Context, keys []string, owner, entry string, d Death) (Death, error) {
	reply, err := buryScript.Run(ctx, s.rdb, keys, owner, d.Verdict, millis(s.ttl), entry).StringSlice()
	if err != nil {
		return d, fmt.Errorf("claim: bury: %w", err)
	}
	a := answer(reply)
	if a.text(0) == "lost" {
		return d, ErrLost
	}
	d.Verdict, d.Letter, d.Ended = a.death(1)
	return d, nil
}

// death reads the answers from i on that describe a grave.
func (a answer) death(i int) (verdict []byte, letter string, ended bool) {
	return a.bytes(i), a.text(i + 1), a.text(i+2) == "1"
}

// entry is how an event stands on its token's trail, see scripts.go.
func entry(event, message string) string {
	if lies(event, message) {
		return event
	}
	return event + " " + message
}

// File notes that the dead letter with the given id is in its stream, so that it is not put there again: a NATS server that
// restarts knows the ids of what lies in its streams, and an operator may have replayed the letter, and so removed it,
// before its link.failed is out.
func (s *Store) File(ctx context.Context, d Death) error {
	err := fileScript.Run(ctx, s.rdb, []string{s.graveKey(d.Token, d.Event)}, d.Letter, millis(s.ttl)).Err()
	if err != nil {
		return fmt.Errorf("claim: file: %w", err)
	}
	return nil
}

// Close notes that the dead letter with the given id and its link.failed are in their streams. From then on a
// redelivery of the event is only acknowledged. Of all who close a grave one is the first.
func (s *Store) Close(ctx context.Context, d Death) (first bool, err error) {
	told := ""
	if d.Told > 0 {
		told = strconv.FormatUint(d.Told, 10)
	}
	first, err = closeScript.Run(ctx, s.rdb, []string{s.graveKey(d.Token, d.Event)}, d.Letter, millis(s.ttl), told, d.By).Bool()
	if err != nil {
		return false, fmt.Errorf("claim: close: %w", err)
	}
	return first, nil
}
