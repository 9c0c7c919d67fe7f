package worker

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/linkworker/linkworker/worker/testenv"
)

// TestCrashInEveryGap kills a worker while events stand in every gap of every way; the next worker brings each to its one
// end.
func TestCrashInEveryGap(t *testing.T) {
	eachPlay(t, func(t *testing.T, env *testenv.Env, p *play) {
		s := p.stage(t, env, p.inEveryGap())
		s.raise()
		s.standInGaps().die()
		s.live(nil)
		s.settled()
		s.check(nil)
		s.checkRecords()
	})
}

// TestStallInEveryGap stops a worker while events stand in every gap of every way, for longer than its lease and its
// acknowledgement wait; others bring each event to its end, and then the first goes on.
func TestStallInEveryGap(t *testing.T) {
	eachPlay(t, func(t *testing.T, env *testenv.Env, p *play) {
		s := p.stage(t, env, p.inEveryGap())
		s.raise()
		first := s.standInGaps()
		first.tender.mu.Lock() // who renews leases and keeps messages stands still, too
		lives := []*life{first}
		for range 3 { // it has asked for messages, and so gets its share of those that come again
			lives = append(lives, s.live(nil))
		}
		s.settled()
		first.tender.mu.Unlock()
		first.letGo()
		first.halt()
		s.settled()
		s.check(nil)
		s.checkRecords()
		s.checkCounted(lives)
	})
}

// crashSeed repeats a run of TestTwoCrashesInARow.
const crashSeed = "LINKWORKER_CRASH_SEED"

// TestTwoCrashesInARow kills a worker in every gap, and the next one wherever each event happens to be a random number of
// steps later; the third brings each to its one end.
func TestTwoCrashesInARow(t *testing.T) {
	t.Parallel()
	p := plays[0]
	onStage(t, func(t *testing.T, env *testenv.Env) {
		seed := rand.Uint64()
		if given, err := strconv.ParseUint(os.Getenv(crashSeed), 10, 64); err == nil {
			seed = given
		}
		t.Logf("%s=%d repeats it", crashSeed, seed)
		random := rand.New(rand.NewPCG(seed, 0))
		s := p.stage(t, env, p.inEveryGap())
		steps := map[*part]int{}
		for _, one := range s.parts {
			steps[one] = 1 + random.IntN(len(p.gaps[one.scene]))
		}
		s.raise()
		s.standInGaps().die()
		second := s.live(func(p *part, at gap, passed int) bool { return at.at != stepSettled && passed >= steps[p] })
		s.eventually("each event stands or has ended", func() bool { return s.open() == second.stands() })
		t.Logf("%d of %d events were in work at the second crash", second.stands(), len(s.parts))
		second.die()
		s.live(nil)
		s.settled()
		s.check(func(p *part) (tally, int) { return p.want, 2 * p.spare })
		s.checkRecords()
	}, p)
}

// raise brings about what was before, and publishes the events: the curtain is up.
func (s *stage) raise() {
	s.t.Helper()
	s.prepare()
	for _, p := range s.parts {
		s.act(p)
	}
}
