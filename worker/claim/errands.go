package claim

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// errand is what one claim asks of Redis on the lane that all share: whatever is asked at the same moment takes one round trip.
type errand interface {
	board(*batch) // unless it was given up
}

// maxErrands bounds what goes in one round trip, and with it for how long one script holds Redis up: about a millisecond and a
// half.
const maxErrands = 256

// batch is what goes in one round trip.
type batch struct {
	makings []*making
	shares  []*share // one for each kind of step
}

func (s *Store) carryOut(ctx context.Context, errands []errand) {
	var b batch
	for _, e := range errands {
		e.board(&b)
	}
	err := s.send(ctx, &b)
	for _, m := range b.makings {
		m.err = err
		close(m.sent)
	}
	for _, share := range b.shares {
		share.end(err)
	}
}

// send waits for the answers. Its error is a panic; any other stands in each command.
func (s *Store) send(ctx context.Context, b *batch) (err error) {
	defer recovered(&err)
	_, _ = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, m := range b.makings {
			m.begin(ctx, p, s)
		}
		for _, share := range b.shares {
			share.begin(ctx, p, share.script.EvalSha)
		}
		return nil
	})
	// A server that has not met a script yet gets it, as one that has just become the master.
	for _, share := range b.shares {
		if redis.HasErrorPrefix(share.cmd.Err(), "NOSCRIPT") {
			share.begin(ctx, s.client, share.script.Eval)
		}
	}
	return nil
}
