package worker

import (
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/worker/testenv"
)

// fall says which of the three walls fall while a worker is dead. What each of them gives:
//
//   - The claim, in Redis: nobody asks the vendor again once its answer is recorded, nobody tells again what is marked as
//     told, and a dead event is told of no second time once its grave is closed.
//   - The vendor's unique checkoutToken: a call whose answer nobody has recorded makes no second link when it is repeated.
//   - The duplicate windows of LINKS and DEADLETTERS: what is in its stream, and of which Redis does not know that it is, is
//     there once, though it is published again.
//
// So the promise holds where one of them falls, but in the gap that the fallen wall alone guards: without the vendor's 409,
// between its answer and the record; without the window, between the acknowledgement of a stream and what notes it. These
// are the moments of a crash, not of a stall, and only there is there something twice: a second link that nobody is told
// of; a second link.created with the same ce-id, which notifiers keep as a unique key; a second letter. Where the claim
// falls as well, the gap reaches from the vendor's answer, or the stream's, to the end of the event.
type fall struct{ claim, unique, window bool }

func (f fall) String() string {
	text := ""
	if f.claim {
		text += ", without the claim"
	}
	if f.unique {
		text += ", without the vendor's 409"
	}
	if f.window {
		text += ", without the window"
	}
	return text
}

// after is what there must be of the event in the end, from what there was at the crash.
func (f fall) after(p *part, at tally) tally {
	want := p.want
	twice := func(n *int, there int, knows step) {
		known := p.passed[knows] > 0 && !f.claim
		ended := p.passed[stepSettled] > 0 // it was not stopped
		if there == *n && there > 0 && !known && !ended {
			*n++
		}
	}
	if f.unique {
		twice(&want.links, at.links, stepRecorded)
	}
	if f.window {
		twice(&want.created, at.created, stepMarked)
	}
	if f.window && p.dies {
		twice(&want.letters, at.letters, stepFiled)
		twice(&want.failed, at.failed, stepClosed)
	}
	return want
}

// TestWalls kills a worker in every gap and lets every set of the walls fall before the next one goes on.
func TestWalls(t *testing.T) {
	t.Parallel()
	for _, window := range []bool{false, true} {
		name := "in the window"
		if window {
			name = "after the window"
		}
		t.Run(name, func(t *testing.T) {
			p := plays[0]
			onStage(t, func(t *testing.T, env *testenv.Env) {
				var parts []*part
				for _, claim := range []bool{false, true} {
					for _, unique := range []bool{false, true} {
						of := []string{"invoice", "rejected", "invalid", "replayed"}
						if !unique { // these have links that their sessions are of, or rest on the 409 without any crash
							of = append(of, "session", "answer-lost")
						}
						for _, one := range p.inEveryGap(of...) {
							if one.stop.at == stepSettled {
								continue // its acknowledgement may have arrived, or not
							}
							one.fall = fall{claim, unique, window}
							parts = append(parts, one)
						}
					}
				}
				playWalls(t, env, parts, window)
			}, p)
		})
	}
}

func playWalls(t *testing.T, env *testenv.Env, parts []*part, window bool) {
	unique := map[string]bool{}
	s := newStage(t, env, conomytest.Options{Again: func(token string) bool { return unique[token] }}, parts...)
	for _, p := range parts {
		unique[p.token] = p.fall.unique
	}
	if window {
		s.settings.Topology.LinksDuplicateWindow = 2 * ackWait // the least that a worker takes
	}
	s.raise()
	s.standInGaps().die()
	at, _ := s.observe()
	for _, p := range parts {
		if p.fall.claim {
			forgotten(s, p.token)
		}
	}
	if window {
		time.Sleep(3 * ackWait) // there is no asking whether the server has forgotten the ids
	}
	s.live(nil)
	s.settled()
	s.check(func(p *part) (tally, int) { return p.fall.after(p, at[p.token]), p.spare })
}

// TestRedisForgetsInEveryGap flushes Redis while events stand in every gap of every way, and nobody dies: each event goes
// on, finds that its claim is lost, and is done again behind the other walls.
func TestRedisForgetsInEveryGap(t *testing.T) {
	t.Parallel()
	p := plays[0]
	onStage(t, func(t *testing.T, env *testenv.Env) {
		s := p.stage(t, env, p.inEveryGap())
		s.raise()
		l := s.standInGaps()
		env.FlushRedis(t)
		l.letGo()
		s.settled()
		s.check(nil)
	}, p)
}
