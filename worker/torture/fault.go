package torture

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Fault is a kind of fault.
type Fault string

// The faults.
const (
	Kill        Fault = "kill"   // SIGKILL of a worker
	Stop        Fault = "stop"   // SIGSTOP of a worker for longer than its claims and deliveries last, then SIGCONT
	Leave       Fault = "leave"  // SIGTERM of a worker, whose place is empty for a while
	NATS        Fault = "nats"   // the NATS server is restarted; one of the user's: an outage by a command
	Redis       Fault = "redis"  // the same with Redis, which keeps its file; one of the user's may lose its last writes
	Flush       Fault = "flush"  // Redis forgets everything
	Cut         Fault = "cut"    // a worker's connections are cut, and nobody answers for a while
	Slow        Fault = "slow"   // a worker's connections are slow
	Failure     Fault = "5xx"    // the vendor answers 5xx, at times with the work done
	Limit       Fault = "429"    // the vendor asks to wait
	Hang        Fault = "hang"   // the vendor does the work and never answers
	Tokens      Fault = "tokens" // the vendor's access tokens expire
	Unavailable Fault = "refuse" // LINKS and DEADLETTERS take nothing for a while, and the workers are killed meanwhile
)

// Faults are all there are.
var Faults = []Fault{Kill, Stop, Leave, NATS, Redis, Flush, Cut, Slow, Failure, Limit, Hang, Tokens, Unavailable}

// The connections of a worker.
const (
	wireNATS   = "NATS"
	wireRedis  = "Redis"
	wireVendor = "vendor"
)

// strike is one fault as the plan has it.
type strike struct {
	fault  Fault
	worker int
	wire   string
	// aimed: at a worker that the vendor has just answered, that long ago; else at once.
	aimed bool
	after time.Duration
	lasts time.Duration
	hard  bool // SIGKILL in place of SIGTERM; the work is done first
	times int  // calls of the vendor
	code  int  // status
	// outage is what is done to servers of the user; nil: ours are restarted.
	outage *Outage
}

// schedule makes the strikes of a plan: each kind in turn, in an order that changes.
type schedule struct {
	*Options
	random  *rand.Rand
	deck    []Fault
	outages map[Fault][]*Outage
}

// newSchedule begins with what a short trial must not miss. That an event is acknowledged before its link.created is in
// LINKS shows itself only where a worker dies between the two; that gap is short, and this fault holds it open.
func newSchedule(o *Options, random *rand.Rand) *schedule {
	s := &schedule{Options: o, random: random, deck: shuffled(random, o.Faults), outages: map[Fault][]*Outage{}}
	if i := slices.Index(s.deck, Unavailable); i > 0 {
		s.deck[0], s.deck[i] = s.deck[i], s.deck[0]
	}
	return s
}

func (s *schedule) next() *strike {
	if len(s.Faults) == 0 {
		return nil
	}
	var fault Fault
	fault, s.deck = deal(s.random, s.deck, s.Faults)
	// All are drawn for each, so that one kind less changes nothing about how the others are done.
	r := s.random
	k := &strike{
		fault: fault, worker: r.IntN(s.Workers), aimed: r.IntN(3) > 0, hard: r.IntN(2) == 0,
		after: time.Duration(r.IntN(20_000)) * time.Microsecond, times: 1 + r.IntN(5),
		wire:  []string{wireNATS, wireRedis, wireVendor}[r.IntN(3)],
		code:  []int{500, 502, 503, 504}[r.IntN(4)],
		lasts: time.Duration(100+r.IntN(900)) * time.Millisecond,
	}
	away := time.Duration(1+r.IntN(mostAway)) * time.Second
	if all := s.Outages[fault]; len(all) > 0 {
		k.outage, s.outages[fault] = deal(r, s.outages[fault], all)
		k.lasts = away
	}
	if fault == Stop {
		k.lasts = s.Lease + s.Lease/5 + k.lasts
	}
	if fault == Failure && r.IntN(4) == 0 {
		k.times = 40 // enough for the circuit to open
	}
	return k
}

// mostAway is for how long a server of the user is away at the most, in seconds: longer than clusters take for an election.
const mostAway = 8

// deal takes the next one of a deck, which is all of them in an order of chance, and a new one when it is used up.
func deal[T any](random *rand.Rand, deck, all []T) (next T, rest []T) {
	if len(deck) == 0 {
		deck = shuffled(random, all)
	}
	return deck[0], deck[1:]
}

func shuffled[T any](random *rand.Rand, all []T) []T {
	deck := slices.Clone(all)
	random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return deck
}

// forgets says that Redis may forget by it.
func (k *strike) forgets() bool { return k.fault == Flush || k.fault == Redis && k.outage != nil }

// String tells what is done, for the timeline.
func (k *strike) String() string {
	worker := fmt.Sprintf("worker %d", k.worker+1)
	how := ""
	if k.aimed {
		how = fmt.Sprintf(", %v after the vendor has answered it", k.after)
	}
	switch k.fault {
	case Kill:
		return "kill: SIGKILL of " + worker + how
	case Stop:
		return fmt.Sprintf("stop: SIGSTOP of %s for %v%s", worker, k.lasts, how)
	case Leave:
		return fmt.Sprintf("leave: SIGTERM of %s, whose place is empty for %v%s", worker, k.lasts, how)
	case NATS, Redis:
		if k.outage != nil {
			return fmt.Sprintf("%s: %s, away for %v", k.fault, k.outage.Command, k.lasts)
		}
		signal := "SIGTERM"
		if k.hard {
			signal = "SIGKILL"
		}
		return fmt.Sprintf("%s: restarted with %s, away for %v", k.fault, signal, k.lasts)
	case Flush:
		return "flush: Redis forgets everything"
	case Cut:
		return fmt.Sprintf("cut: connections of %s to %s, for %v", worker, k.wire, k.lasts)
	case Slow:
		return fmt.Sprintf("slow: connections of %s to %s, %v each way, for %v", worker, k.wire, k.latency(), 2*k.lasts)
	case Failure:
		return fmt.Sprintf("5xx: the vendor's next %d calls are answered %d%s", k.times, k.code, workDone(k.hard))
	case Limit:
		return fmt.Sprintf("429: the vendor's next %d calls", k.times)
	case Hang:
		return fmt.Sprintf("hang: the vendor's next %d calls, the work done", k.times)
	case Tokens:
		return "tokens: the vendor knows none of its access tokens any more"
	}
	return fmt.Sprintf("refuse: LINKS and DEADLETTERS take nothing for %v, and all workers are killed meanwhile", k.lasts)
}

func workDone(done bool) string {
	if done {
		return ", the work done"
	}
	return ""
}

// latency is that of a slow connection, each way.
func (k *strike) latency() time.Duration { return k.lasts / 5 }
