package worker

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/worker/testenv"
)

// play is a group of scenes that are played together.
type play struct {
	name   string
	equip  func(*running)
	scenes []*scene

	once sync.Once
	gaps map[*scene][]gap // that the scene's event passes when nothing happens to it, in order
	ways map[*scene][]entry
}

var plays = []*play{
	{name: "all", scenes: scenes, equip: callsWithClaims},
	{name: "crowded", scenes: crowdedScenes, equip: func(r *running) {
		callsWithClaims(r)
		r.sleepers.count.Store(maxSleepers)
	}},
	{name: "circuit", scenes: circuitScenes, equip: callsByThemselves},
	{name: "narrow", scenes: narrowScenes, equip: callsWithClaims},
}

// learn plays each scene once, one after another, with nothing happening to it. Where the machine is so busy that Redis does
// not answer in time, events are turned away: that is no part of their ways, and all is played again.
func (p *play) learn(t *testing.T, env *testenv.Env) {
	t.Helper()
	p.once.Do(func() {
		for try := 1; !p.learned(t, env, try) && try < 5 && !t.Failed(); try++ {
			t.Logf("%s: the worker paused; learning again", p.name)
		}
	})
	if p.gaps == nil {
		t.Fatal("the scenes do not play even when nothing happens to them")
	}
}

// learned reports whether the ways are learned: no pause of the worker's has come in between.
func (p *play) learned(t *testing.T, env *testenv.Env, try int) bool {
	t.Helper()
	var parts []*part
	for _, one := range p.scenes {
		parts = append(parts, &part{scene: one})
	}
	s := p.stage(t, env, parts)
	log := new(lockedBuffer)
	s.settings.RedisPrefix += fmt.Sprintf("-learning-%s-%d", p.name, try)
	s.logged = log
	s.prepare()
	rec := newRecorder(s)
	l := s.live(nil, rec.listen)
	ways := map[*scene][]entry{}
	for _, p := range parts {
		rec.begin()
		s.act(p)
		s.settled()
		ways[p.scene] = rec.end()
	}
	l.halt()
	s.check(nil)
	s.checkRecords()
	env.DeleteStreams(t)
	if t.Failed() || strings.Contains(log.String(), "Redis is away") {
		return false
	}
	p.gaps, p.ways = p.gapsOn(ways), ways
	return true
}

// gapsOn finds the gaps that the events have passed.
func (p *play) gapsOn(ways map[*scene][]entry) map[*scene][]gap {
	gaps, covered := map[*scene][]gap{}, map[[2]string]bool{}
	for _, one := range p.scenes {
		seen := map[step]int{}
		for i, e := range ways[one] {
			if e.kind != reachedStep {
				continue
			}
			at := step(e.what)
			seen[at]++
			if i+1 < len(ways[one]) && ways[one][i+1].kind == reachedStep {
				two := [2]string{e.what, ways[one][i+1].what}
				if covered[two] { // the same gap as the next step's, and an earlier scene has been stopped at both
					continue
				}
				covered[two] = true
			}
			if seen[at] == 1 || !slices.Contains(one.loops, at) {
				gaps[one] = append(gaps[one], gap{at, seen[at]})
			}
		}
	}
	return gaps
}

// stage is where the play is played.
func (p *play) stage(t *testing.T, env *testenv.Env, parts []*part) *stage {
	t.Helper()
	s := newStage(t, env, conomytest.Options{}, parts...)
	s.equip = p.equip
	return s
}

// inEveryGap gives a part to each gap of each scene.
func (p *play) inEveryGap(scenes ...string) (parts []*part) {
	for _, one := range p.scenes {
		if len(scenes) > 0 && !slices.Contains(scenes, one.name) {
			continue
		}
		for _, g := range p.gaps[one] {
			parts = append(parts, &part{scene: one, stop: g})
		}
	}
	return parts
}

// turn is of the test that is on a stage: hundreds of events begin at the same moment, and two such crowds would stand in
// each other's way.
var turn sync.Mutex

// onStage runs a test of plays on each kind of server, when it is its turn.
func onStage(t *testing.T, run func(*testing.T, *testenv.Env), of ...*play) {
	t.Helper()
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		if env.Backend == testenv.Embedded { // on containers only one test runs anyway
			turn.Lock()
			t.Cleanup(turn.Unlock)
		}
		for _, p := range of {
			p.learn(t, env)
		}
		run(t, env)
	})
}

// eachPlay runs a test of each play, on each kind of server.
func eachPlay(t *testing.T, run func(*testing.T, *testenv.Env, *play)) {
	t.Helper()
	t.Parallel()
	for _, p := range plays {
		t.Run(p.name, func(t *testing.T) {
			onStage(t, func(t *testing.T, env *testenv.Env) { run(t, env, p) }, p)
		})
	}
}

// TestEveryGapIsOnSomeWay: a step that no scene passes would be killed at in no test, and two requests without a step
// between them would have a gap where nobody was ever killed.
func TestEveryGapIsOnSomeWay(t *testing.T) {
	t.Parallel()
	onStage(t, func(t *testing.T, env *testenv.Env) {
		passed := map[string]bool{}
		for _, p := range plays {
			for _, one := range p.scenes {
				t.Logf("%s: %v", one.name, p.ways[one])
				for _, two := range unannounced(p.ways[one]) {
					t.Errorf("%s: no step between %s", one.name, two)
				}
				for _, g := range p.gaps[one] {
					passed[string(g.at)] = true
				}
			}
		}
		for _, at := range declaredSteps(t) {
			if !passed[at] {
				t.Errorf("no scene passes the step %q: what happens to an event there is in no test", at)
			}
		}
	}, plays...)
}

// declaredSteps reads the steps from where they are declared.
func declaredSteps(t *testing.T) (steps []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "step.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, v := range spec.Values {
			name, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, name)
		}
		return true
	})
	if len(steps) < 20 {
		t.Fatalf("only %d steps are read from step.go", len(steps))
	}
	return steps
}
