package claim

import (
	"context"
	"fmt"

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
	records, err := s.look(ctx, s.recordKey(token, identity), s.key(token, "link"))
	if err != nil {
		return nil, fmt.Errorf("claim: inspect: %w", err)
	}
	var grave *redis.SliceCmd
	var clock *redis.TimeCmd
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		grave, clock = p.HMGet(ctx, s.graveKey(token, event), "verdict", "letter"), p.Time(ctx)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim: inspect: %w", err)
	}
	r, g, now := records[0], fields(grave), clock.Val()
	return &Sight{
		State: r["s"], Event: r["e"], AtWork: r["o"] != "" && r.after("u", now),
		Terms: r.bytes("t"), Answer: r.bytes("r"), Perished: r.int("p") > 0 && !r.after("p", now),
		Dead: grave.Val()[0] != nil, Letter: g.text(1), Link: records[1]["s"],
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
