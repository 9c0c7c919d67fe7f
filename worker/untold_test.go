package worker

import (
	"slices"
	"testing"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/worker/testenv"
)

// TestReplayedBeforeItsEnd: an operator replays a letter while the worker that has put it stands before its link.failed, and
// so before the event has ended. NATS forgets with the letter which id it had, the worker dies, and the event comes again.
func TestReplayedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	p := plays[0]
	onStage(t, func(t *testing.T, env *testenv.Env) {
		parts := p.inEveryGap("rejected", "invalid", "conflict")
		parts = slices.DeleteFunc(parts, func(p *part) bool {
			return !slices.Contains([]step{stepFiled, stepTold, stepClosed}, p.stop.at)
		})
		s := newStage(t, env, conomytest.Options{}, parts...)
		s.raise()
		stands := s.standInGaps()
		for _, p := range s.parts {
			replay(s, p.token, "")
		}
		env.StopNATS(t)
		stands.die()
		env.StartNATS(t)
		s.live(nil)
		s.settled()
		s.check(func(p *part) (tally, int) {
			want := p.want
			want.failed++ // of the replay, which dies as well; the letter that is left is its own
			return want, 0
		})
		s.checkRecords()
	}, p)
}
