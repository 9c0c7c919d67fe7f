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
	if _, answered := errors.AsType[redis.Error](err); answered { // it says nothing of any step
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
