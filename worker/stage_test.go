package worker

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
)

// gap is where on its way an event is stopped: when it has passed a step for the nth time.
type gap struct {
	at  step
	nth int
}

func (g gap) String() string { return fmt.Sprintf("%s#%d", g.at, g.nth) }

// part is one event that plays a scene.
type part struct {
	*scene
	stop  gap
	token string
	fall  fall // which walls fall where it is stopped

	mu                    sync.Mutex
	event, identity, read string       // what a worker has made of it, see Claims
	passed                map[step]int // by the worker that was started first
}

func (p *part) String() string { return p.name + " at " + p.stop.String() + p.fall.String() }

// stage is a world in which many events are, each on its way in a scene of its own.
type stage struct {
	*world
	parts []*part
	dlq   *deadletter.Store
	slow  atomic.Int64   // by how much the vendor's clock goes after
	down  atomic.Int64   // how many events keep the vendor from answering a probe, see openCircuit
	last  atomic.Int64   // how many of them wait for the others to have met the circuit open
	rec   *recorder      // nil: nothing is written down
	equip func(*running) // each worker; may be nil

	mu   sync.Mutex
	part map[uint64]*part // by its message in BILLING
}

const (
	lease   = 4 * time.Second
	ackWait = 2 * time.Second
)

// sessionLife is how long a session of the vendor's is good.
const sessionLife = 30 * time.Minute

func newStage(t *testing.T, env *testenv.Env, options conomytest.Options, parts ...*part) *stage {
	t.Helper()
	s := &stage{parts: parts, part: map[uint64]*part{}}
	options.SessionTTL = sessionLife
	options.Now = func() time.Time { return time.Now().Add(-time.Duration(s.slow.Load())) }
	s.world = newWorld(t, env, options)
	s.quiet = true
	s.frontVendor()
	s.settings.Concurrency = 1024 // nobody waits for a slot: which steps an event passes hangs on its scene alone
	// Long enough for a machine that has much else to do: an answer that is not lost comes, a lease that is renewed holds.
	s.timeout, s.settings.ClaimTTL, s.settings.Topology.AckWait = patience, lease, ackWait
	for i, p := range parts {
		p.token, p.passed = fmt.Sprintf("%s-%d", p.name, i), map[step]int{}
	}
	return s
}

// prepare brings about all that was before the events that are watched.
func (s *stage) prepare() {
	s.t.Helper()
	s.ready()
	var err error
	s.dlq, err = deadletter.Open(s.t.Context(), s.js, events.StreamDeadLetters)
	s.must(err)
	earlier := false
	for _, p := range s.parts {
		if p.before != nil {
			p.before(s, p.token)
		}
		earlier = earlier || p.earlier != nil
	}
	if !earlier {
		return
	}
	s.slow.Store(int64(sessionLife - time.Second)) // what is made now perishes soon
	for _, p := range s.parts {
		if p.earlier != nil {
			p.earlier(s, p.token)
		}
	}
	r := s.live(nil)
	s.settled()
	r.halt()
	s.slow.Store(0)
	for _, made := range s.vendor.Sessions() {
		s.eventually("the sessions have perished", func() bool { return time.Now().After(made.ExpiresAt) })
	}
}

// act publishes the event of a part.
func (s *stage) act(p *part) {
	s.t.Helper()
	if p.after != nil {
		p.after(s, p.token)
	}
	s.mu.Lock() // a worker may have it sooner than we know its sequence
	defer s.mu.Unlock()
	s.part[p.scene.act(s, p.token, "act-"+p.token)] = p
}

// life is a worker on whose way the events are stopped.
type life struct {
	*running
	stage    *stage
	over     chan struct{} // closed when those who stand go on, or are dead
	mu       sync.Mutex
	passed   map[*part]map[step]int
	latest   time.Time // when any event last passed a step
	standing map[*part]step
	gathered map[*part]bool // those who wait for the circuit to open, or have
	within   map[*part]bool // those who have met it open, and are neither settled nor standing
	gathers  bool           // the circuit opens when all are gathered or stand
}

// live starts a worker. stop decides at each step of each event whether it stands still there, which it does once.
func (s *stage) live(stop func(p *part, at gap, passed int) bool, prepare ...func(*running)) *life {
	s.t.Helper()
	l := &life{
		stage: s, over: make(chan struct{}), passed: map[*part]map[step]int{}, standing: map[*part]step{},
		gathered: map[*part]bool{}, within: map[*part]bool{}, gathers: stop != nil,
	}
	s.t.Cleanup(l.letGo)
	l.running = s.start(func(r *running) {
		// The vendor's failures are those of a few events out of many, and not its own: the circuit stays closed.
		r.circuit.failures = 1 << 30
		if s.equip != nil {
			s.equip(r)
		}
		for _, f := range prepare {
			f(r)
		}
		r.reached = func(d *delivery, at step) {
			var befalls befall
			var nth int
			if !r.killed.Load() {
				befalls, nth = l.reach(d, at, stop)
			}
			if r.killed.Load() {
				runtime.Goexit() // nothing more happens in a dead process
			}
			befalls(l, d, nth)
		}
	})
	return l
}

// reach is called where an event passes a step, for the nth time, and returns when it goes on, with what befalls it then.
func (l *life) reach(d *delivery, at step, stop func(*part, gap, int) bool) (befalls befall, nth int) {
	p := l.stage.partOf(d)
	if p == nil {
		return nothing, 0
	}
	if l.stage.rec != nil {
		l.stage.rec.add(reachedStep, string(at))
	}
	if at == stepJudged && d.event != nil || d.bad != nil {
		p.mu.Lock()
		p.event, p.identity, p.read = d.name(), d.identity, tokenOf(d)
		p.mu.Unlock()
	}
	nth, stands := l.pass(p, at, stop)
	if stands {
		<-l.over
	}
	if p.befalls[at] == nil {
		return nothing, nth
	}
	return p.befalls[at], nth
}

// pass notes that an event has passed a step, and says for the which time, and whether it stands still there.
func (l *life) pass(p *part, at step, stop func(*part, gap, int) bool) (nth int, stands bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest = time.Now()
	if l.passed[p] == nil {
		l.passed[p] = map[step]int{}
	}
	l.passed[p][at]++
	nth, total := l.passed[p][at], 0
	for _, n := range l.passed[p] {
		total += n
	}
	_, stood := l.standing[p]
	stands = !stood && stop != nil && stop(p, gap{at, nth}, total)
	if stands {
		l.standing[p] = at
	}
	if stands || at == stepSettled {
		l.leaves(p)
	}
	return nth, stands
}

// partOf is the part whose event it is, nil for one that is not watched.
func (s *stage) partOf(d *delivery) *part {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.part[d.meta.Sequence.Stream]
}

// letGo lets those who stand go on.
func (l *life) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.over:
	default:
		close(l.over)
	}
}

// die ends the worker as SIGKILL does, with all that stands.
func (l *life) die() {
	l.kill()
	l.letGo()
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.within {
		l.leaves(p)
	}
}

// stands is how many events stand.
func (l *life) stands() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.standing)
}

// idle reports whether no event has passed a step for longer than any rests.
func (l *life) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.latest.IsZero() && time.Since(l.latest) > 4*lease && l.gate.err() == nil
}

// standInGaps starts a worker and waits until each event stands in its gap.
func (s *stage) standInGaps() *life {
	s.t.Helper()
	l := s.live(func(p *part, at gap, _ int) bool { return at == p.stop })
	s.patience = 4 * patience // a crowd begins at the same moment
	s.eventually("each event stands in its gap", func() bool { return l.stands() == len(s.parts) || l.idle() })
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := 0
	for _, p := range s.parts {
		if _, stands := l.standing[p]; !stands {
			missing++
			s.t.Logf("%s: it was not stopped there, having passed %v", p, l.passed[p])
		}
		p.passed = maps.Clone(l.passed[p])
	}
	// On a machine that halts for longer than a lease an event may come a second time, and so take another way.
	if missing > len(s.parts)/20 {
		s.t.Fatalf("%d of %d events never came to their gap", missing, len(s.parts))
	}
	return l
}

// say publishes an event with the given Nats-Msg-Id, "" for none.
func (s *stage) say(subject, id, data string) uint64 {
	s.t.Helper()
	header := nats.Header{}
	if id != "" {
		header.Set(nats.MsgIdHdr, id)
	}
	return s.publish(subject, header, data)
}

// tokenOfID is the token whose event has the id.
func tokenOfID(id string) string {
	return strings.TrimPrefix(strings.TrimPrefix(id, "act-"), "earlier-")
}
