package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/rig"
	"github.com/linkworker/linkworker/worker/topology"
)

// Settings is what is tried.
type Settings struct {
	Seed    uint64  `json:"seed"`
	Events  int     `json:"events"`
	Workers int     `json:"workers"`
	Faults  []Fault `json:"faults"`
	Every   int     `json:"every"` // events of a round, which has one fault
}

// Merchant is what the workers fill invoices in with.
type Merchant struct{ OwnerIdentityID, AccountNumber, AccountIdentityID string }

// Options says what is tried, and on what.
type Options struct {
	Settings
	Program rig.Program
	Version string
	// NATSURL and RedisURL are those of the servers; Environ has all else that the workers are set to, as NAME=value.
	NATSURL, RedisURL string
	Environ           []string
	Merchant          Merchant
	Topology          topology.Settings
	// Lease is the longer one of the acknowledgement wait and the claims' time to live: whoever stands still for longer is
	// taken for dead.
	Lease time.Duration
	// Dir is where the workers' logs are put.
	Dir string
	// Outages are what can be done to the servers of the user, each in turn: without any, not the faults [NATS] and [Redis].
	Outages map[Fault][]*Outage
	// Progress is told how many events have ended, of how many, and what is being done; nil: nobody is.
	Progress func(done, all int, what string)
}

// trial is one at work.
type trial struct {
	Options
	servers *rig.Servers
	js      jetstream.JetStream
	plan    *plan
	vendor  *vendor
	crew    *crew
	begun   time.Time
	noticed noticed
	replays replays
	leftOut int // replays of events that had not died

	mu        sync.Mutex
	strikes   []Struck
	published []*event
	beside    sync.WaitGroup // strikes that last
	failed    error          // of what a strike needs

	turns   map[Fault]chan struct{} // held by an outage
	outages atomic.Int32            // how many there are now
}

// Struck is a fault that was done.
type Struck struct {
	Fault Fault  `json:"fault"`
	What  string `json:"what"`
	// Forgets says that Redis may have lost some of what it knew.
	Forgets bool      `json:"forgets,omitempty"`
	Begun   time.Time `json:"begun"`
	Ended   time.Time `json:"ended"`
}

// prefix begins all keys in Redis.
func (t *trial) prefix() string { return "linkworker-" + t.plan.run }

// Run tries the promise. The error is that of a trial that could not be held; a broken promise is in the report.
func Run(ctx context.Context, servers *rig.Servers, o Options) (_ *Report, err error) {
	t := &trial{
		Options: o, servers: servers, begun: time.Now(),
		turns: map[Fault]chan struct{}{NATS: make(chan struct{}, 1), Redis: make(chan struct{}, 1)},
	}
	if t.js, err = jetstream.New(servers.NATS); err != nil {
		return nil, err
	}
	if err := servers.Prepare(ctx, o.Topology); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.cleanUp(ctx)) }()
	if !servers.Own() && !(servers.Made(events.StreamLinks) && servers.Made(events.StreamDeadLetters)) {
		// Whoever ends this by force would leave them so.
		t.Faults = slices.DeleteFunc(slices.Clone(t.Faults), func(f Fault) bool { return f == Unavailable })
	}
	if t.plan, err = newPlan(&t.Options, "torture-"+nuid.Next()[12:]); err != nil {
		return nil, err
	}
	if t.vendor, err = startVendor(&t.Options); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.vendor.close()) }()
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return nil, err
	}
	defer func() {
		t.beside.Wait() // ends with ctx
		t.crew.disband()
	}()
	if err := t.muster(ctx); err != nil {
		return nil, err
	}
	return t.hold(ctx)
}

// cleanUp leaves the servers as they were.
func (t *trial) cleanUp(ctx context.Context) error {
	if t.servers.Own() || t.plan == nil {
		return nil // they end, and all that they keep
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rig.EndTime)
	defer cancel()
	return errors.Join(t.servers.Leave(ctx), t.servers.Forget(ctx, t.prefix()))
}

// hold does the rounds, waits until all has ended, and judges.
func (t *trial) hold(ctx context.Context) (*Report, error) {
	stuck := t.rounds(ctx)
	if stuck != nil && !errors.Is(stuck, errStuck) {
		return nil, stuck
	}
	t.beside.Wait()
	t.say("ending the workers, then counting")
	accidents := t.crew.dismiss()
	if err := errors.Join(t.failure(), ctx.Err()); err != nil {
		return nil, err
	}
	found, err := t.gather(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading what became of the events: %w", err)
	}
	return t.report(found, stuck, accidents)
}

// rounds does them all and waits until every event has ended.
func (t *trial) rounds(ctx context.Context) (err error) {
	var waiting []*event // session requests whose link is not told of yet
	for number, r := range t.plan.rounds {
		if waiting, err = t.round(ctx, number, append(waiting, r.events...), r.strike); err != nil {
			return err
		}
	}
	t.beside.Wait()
	t.say("all faults are over; waiting until every event has ended")
	if err := t.waitFor(ctx, 0); err != nil {
		return err
	}
	for _, e := range waiting {
		e.waits = false // its invoice has ended, with a link or without
		ready, err := t.ready(ctx, e)
		switch {
		case err == nil && ready:
			err = t.publish(ctx, e)
		case err == nil:
			t.leftOut++
		}
		if err != nil {
			return err
		}
	}
	return t.waitFor(ctx, 0)
}

// round publishes events, does a fault while they are in work, and waits until nearly all have ended. It returns those that
// are to be published later.
func (t *trial) round(ctx context.Context, number int, all []*event, k *strike) (later []*event, err error) {
	what, then := "no fault", nothing
	if k != nil {
		what = string(k.fault)
		if then, err = t.strike(ctx, k); err != nil {
			return nil, fmt.Errorf("%v: %w", k, err)
		}
	}
	t.say(fmt.Sprintf("round %d of %d: %s", number+1, len(t.plan.rounds), what))
	for _, e := range all {
		if t.outages.Load() > 0 {
			rest(ctx, outagePace)
		}
		ready, err := t.ready(ctx, e)
		if err != nil {
			return nil, err
		}
		if !ready {
			later = append(later, e)
			continue
		}
		if err := t.publish(ctx, e); err != nil {
			return nil, err
		}
	}
	if err := then(); err != nil {
		return nil, fmt.Errorf("%v: %w", k, err)
	}
	most := 3 * t.Every
	if number <= calmRounds {
		most = 0 // what follows is to meet what has ended, and no other fault to excuse what the first has brought about
	}
	return later, t.waitFor(ctx, most)
}

func (t *trial) say(what string) {
	if t.Progress != nil {
		t.Progress(-1, len(t.plan.events), what)
	}
}

// logs are the files with what the workers have said.
func (t *trial) logs() ([]string, error) { return filepath.Glob(filepath.Join(t.Dir, "worker-*.log")) }
