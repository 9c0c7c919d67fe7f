package claim

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Sight is what Redis knows of an event and of what it asks for, at one moment.
type Sight struct {
	State  string // of the record: "" (nothing is known), claimed, recorded, published
	Event  string // whose record it is; "": free for any event
	AtWork bool   // a delivery of that event is at work on it now
	Terms  []byte // fixed when the claim was made; nil where nothing was
	Answer []byte // of the vendor: recorded, published
	// Perished says that the answer was good until a time that has passed.
	Perished bool

	Dead   bool   // the event itself has ended, or is about to end, as a dead letter
	Letter string // its dead letter's id, once it and its link.failed are in their streams

	Link string // state of the token's link, as State; of an invoice the same
}

// Inspect reads what is recorded about a token and an identity ("" of an invoice), and about the event of that name. It
// changes nothing: not even how long anything is remembered.
func (s *Store) Inspect(ctx context.Context, token, identity, event string) (*Sight, error) {
	var record, grave, link *redis.SliceCmd
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		record = p.HMGet(ctx, s.recordKey(token, identity), "s", "e", "o", "u", "t", "r", "p")
		grave = p.HMGet(ctx, s.graveKey(token, event), "verdict", "letter")
		link = p.HMGet(ctx, s.key(token, "link"), "s")
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim: inspect: %w", err)
	}
	now, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("claim: inspect: %w", err)
	}
	f, g := fields(record), fields(grave)
	return &Sight{
		State: f.text(0), Event: f.text(1), AtWork: f.text(2) != "" && f.after(3, now),
		Terms: f.bytes(4), Answer: f.bytes(5), Perished: f.int(6) > 0 && !f.after(6, now),
		Dead: grave.Val()[0] != nil, Letter: g.text(1), Link: fields(link).text(0),
	}, nil
}

// fields reads the answer of HMGET; a field that is not there is empty.
func fields(cmd *redis.SliceCmd) answer {
	a := make(answer, len(cmd.Val()))
	for i, v := range cmd.Val() {
		a[i], _ = v.(string)
	}
	return a
}

// after reports whether the field is a time after now.
func (a answer) after(i int, now time.Time) bool { return a.int(i) > now.UnixMilli() }
