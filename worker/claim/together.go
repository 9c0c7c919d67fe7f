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
	common []any        // arguments for all steps
	apart  atomic.Int64 // until when each goes by itself, Unix nanoseconds
}

// apartFor is how long each step goes by itself before it is tried together again.
const apartFor = time.Minute

// step is what one claim asks for.
type step struct {
	kind  *together
	claim *Claim
	text  any // what is written
	over  chan result
}

type result struct {
	done bool
	err  error // nobody knows whether it was done
}

// join does a step of the claim with those of others. It reports whether it was done.
func (t *together) join(ctx context.Context, c *Claim, text any) (done bool, err error) {
	if !t.store.single || !c.packed || time.Now().UnixNano() < t.apart.Load() {
		return false, nil
	}
	s := &step{kind: t, claim: c, text: text, over: make(chan result, 1)}
	t.store.errands.add(s)
	select {
	case r := <-s.over:
		return r.done, r.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// share is the steps of one kind in a batch.
type share struct {
	*together
	steps []*step
	cmd   *redis.Cmd
}

// board lets the step share a script with those of its kind.
func (s *step) board(b *batch) {
	for _, share := range b.shares {
		if share.together == s.kind {
			share.steps = append(share.steps, s)
			return
		}
	}
	b.shares = append(b.shares, &share{together: s.kind, steps: []*step{s}})
}

// begin sends the script, by its hash or in full.
func (s *share) begin(ctx context.Context, to redis.Scripter,
	run func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd,
) {
	keys, args := make([]string, 0, len(s.steps)), append(make([]any, 0, len(s.common)+4*len(s.steps)), s.common...)
	for _, step := range s.steps {
		c := step.claim
		keys, args = append(keys, c.record), append(args, c.headArg, c.headEndArg, c.ownerArg, step.text)
	}
	s.cmd = run(ctx, to, keys, args...)
}

// end tells each step how it went. With an error nobody knows.
func (s *share) end(err error) {
	var done []int64
	if err == nil {
		done, err = s.answer()
	}
	left := len(s.steps)
	for i, step := range s.steps {
		r := result{done: i < len(done) && done[i] == 1, err: err}
		if r.done {
			left--
		}
		step.over <- r
	}
	// Something may answer for one of many servers, and know nothing of what the others have.
	if len(done) > 2 && left > len(s.steps)/2 {
		s.part()
	}
}

// answer has 1 for each step that was done.
func (s *share) answer() (done []int64, err error) {
	err = s.cmd.Err()
	if _, answered := errors.AsType[redis.Error](err); answered { // it says nothing of any step
		if Refused(err) || redis.HasErrorPrefix(err, "CROSSSLOT") {
			s.part()
		}
		err = nil
	}
	done, _ = s.cmd.Int64Slice() // of anything else nothing is believed
	return done, err
}

// part lets each step go by itself for a while.
func (t *together) part() { t.apart.Store(time.Now().Add(apartFor).UnixNano()) }

// eachPlain is a script that does the same for many claims, of which each is a string that its owner left in the state.
// first is the first argument that belongs to a claim; write says what is written over the state, CALLING, OWNER and on.
//
//	KEYS the records   ARGV 1 ttl ms, and then for each record: where BODY ends, 27 more, owner, text
//
// Answer: for each record 1, or 0 where nothing was done.
func eachPlain(state, first, write string) string {
	return `
local done, at = {}, ` + first + `
for i, key in ipairs(KEYS) do
  local found = redis.pcall('GETRANGE', key, ARGV[at], ARGV[at + 1])
  done[i] = 0
  if type(found) == 'string' and string.sub(found, 1, 1) == '` + state + `' and string.sub(found, 3) == ARGV[at + 2] then
    redis.call('SETRANGE', key, ARGV[at], ` + write + `)
` + keeping("key", "ARGV[1]") + `    done[i] = 1
  end
  at = at + 4
end
return done
`
}

// recordEachScript is recordScript for many claims. ARGV 2 is lease ms; the text is PERISHES and the answer.
var recordEachScript = redis.NewScript(clock + `
local times = string.format('%013.0f%013.0f', now + tonumber(ARGV[2]), now)
` + eachPlain("c", "3", "'r0' .. ARGV[at + 2] .. times .. ARGV[at + 3]"))

// publishEachScript is publishScript for many claims. The text is SEQUENCE.
var publishEachScript = redis.NewScript(eachPlain("r", "2", "'p0' .. ARGV[at + 3]"))
