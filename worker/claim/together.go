package claim

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Records and publications that come at the same moment share one script, as long as nothing is special about them: to start
// a script costs Redis more than what it does for one claim. It knows the plain case alone, a string that its owner left as
// it must be. A step that it leaves undone, for whatever reason, is done, or refused, by the script of its own.
//
// Of a Redis Cluster a script may touch one slot only. There, and for a while where Redis or what stands before it does not
// do such a script, each step goes by itself.
type together struct {
	store  *Store
	script *redis.Script
	common []any // arguments for all steps
	lane   *lane[*step]
	apart  atomic.Int64 // until when each goes by itself, Unix nanoseconds
}

// apartFor is how long each step goes by itself before it is tried together again.
const apartFor = time.Minute

// maxTogether bounds for how long one script holds Redis up: about a millisecond and a half.
const maxTogether = 256

// step is what one claim asks for.
type step struct {
	claim *Claim
	text  any // what is written
	over  chan result
}

type result struct {
	done bool
	err  error // nobody knows whether it was done
}

func newTogether(s *Store, script *redis.Script, common ...any) *together {
	t := &together{store: s, script: script, common: common}
	t.lane = newLane(maxTogether, t.carryOut)
	return t
}

// join does a step of the claim with those of others. It reports whether it was done.
func (t *together) join(ctx context.Context, c *Claim, text any) (done bool, err error) {
	if !t.store.single || !c.packed || time.Now().UnixNano() < t.apart.Load() {
		return false, nil
	}
	s := &step{claim: c, text: text, over: make(chan result, 1)}
	t.lane.add(s)
	select {
	case r := <-s.over:
		return r.done, r.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (t *together) carryOut(ctx context.Context, steps []*step) {
	done, err := t.ask(ctx, steps)
	left := len(steps)
	for i, s := range steps {
		r := result{done: i < len(done) && done[i] == 1, err: err}
		if r.done {
			left--
		}
		s.over <- r
	}
	// Something may answer for one of many servers, and know nothing of what the others have.
	if len(done) > 2 && left > len(steps)/2 {
		t.part()
	}
}

func (t *together) ask(ctx context.Context, steps []*step) (done []int64, err error) {
	defer recovered(&err)
	keys, args := make([]string, 0, len(steps)), append(make([]any, 0, len(t.common)+4*len(steps)), t.common...)
	for _, s := range steps {
		c := s.claim
		keys, args = append(keys, c.record), append(args, c.headArg, c.headEndArg, c.ownerArg, s.text)
	}
	cmd := t.script.Run(ctx, t.store.client, keys, args...)
	err = cmd.Err()
	if isAnswer(err) { // it says nothing of any step
		if Refused(err) || redis.HasErrorPrefix(err, "CROSSSLOT") {
			t.part()
		}
		err = nil
	}
	done, _ = cmd.Int64Slice() // of anything else nothing is believed
	return done, err
}

// part lets each step go by itself for a while.
func (t *together) part() { t.apart.Store(time.Now().Add(apartFor).UnixNano()) }

// isAnswer reports whether Redis itself has answered with the error.
func isAnswer(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer)
}
