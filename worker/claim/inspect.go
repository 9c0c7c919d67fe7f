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
	Letter string // its dead letter's id, once it is in its stream
	Ended  bool   // its link.failed is in its stream, too

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
		grave, clock = s.grave(ctx, p, token, event), p.Time(ctx)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim: inspect: %w", err)
	}
	r, now := records[0], clock.Val()
	sight := &Sight{
		State: r["s"], Event: r["e"], AtWork: r["o"] != "" && r.after("u", now),
		Terms: r.bytes("t"), Answer: r.bytes("r"), Perished: r.int("p") > 0 && !r.after("p", now),
		Link: records[1]["s"],
	}
	death, dead := buried(grave)
	sight.Dead, sight.Letter, sight.Ended = dead, death.Letter, death.Ended
	return sight, nil
}

// grave reads what an event has left as a dead one.
func (s *Store) grave(ctx context.Context, rdb redis.Cmdable, token, event string) *redis.SliceCmd {
	return rdb.HMGet(ctx, s.graveKey(token, event), "verdict", "letter", "put", "q")
}

// buried is what a grave says, and whether there is one; see grave_scripts.go.
func buried(grave *redis.SliceCmd) (d Death, dead bool) {
	g := fields(grave)
	d = Death{Verdict: g.bytes(0), Letter: g.text(1), Told: uint64(g.int(3))} // #nosec G115 -- a sequence in a stream
	if d.Ended = d.Letter != ""; !d.Ended {
		d.Letter = g.text(2)
	}
	return d, d.Ended || d.Verdict != nil
}

// fields reads the answer of HMGET; a field that is not there is empty.
func fields(cmd *redis.SliceCmd) answer {
	a := make(answer, len(cmd.Val()))
	for i, v := range cmd.Val() {
		a[i], _ = v.(string)
	}
	return a
}
