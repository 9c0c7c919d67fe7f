package bench

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/linkworker/linkworker/worker/rig"
	"github.com/linkworker/linkworker/worker/topology"
)

// Settings is what is measured.
type Settings struct {
	Measure     []string        `json:"measure"`    // names of [Measurements]
	Events      int             `json:"events"`     // of a backlog, at the most: a slow vendor gets what it can do in DrainFor
	Size        int             `json:"eventBytes"` // of an event's data, at the least
	Rounds      int             `json:"rounds"`
	Concurrency int             `json:"concurrency"` // calls at once
	Latencies   []time.Duration `json:"vendorLatenciesNanoseconds"`
	Rate        float64         `json:"latencyRatePerSecond"` // events a second while latencies are measured
	RateFor     time.Duration   `json:"latencyForNanoseconds"`
	DrainFor    time.Duration   `json:"drainForNanoseconds"`
	Backlog     int             `json:"backlog"`           // invoices that are queued while sessions are asked for
	Replicas    []int           `json:"replicas"`          // workers side by side
	Duplicates  []int           `json:"duplicatesPercent"` // of a backlog's events
	Grow        int             `json:"growTo"`            // events that are queued at once, or worked off in all
}

// Options says what is measured, and on what.
type Options struct {
	Settings
	Program    rig.Program
	Version    string
	Contenders []Contender
	// Profiles are arguments for the worker in the last round of the first vendor; nil: none.
	Profiles []string
	// Progress is told how far it is, of how much; nil: nobody is.
	Progress func(done, all int, what string)
}

// bench is a measurement at work.
type bench struct {
	Options
	servers  *rig.Servers
	js       jetstream.JetStream
	progress *progress
	run      string // sets this measurement's tokens and keys apart
}

// progress counts events.
type progress struct {
	done atomic.Int64
	all  int
	what string
	tell func(done, all int, what string)
}

func (p *progress) add(n int) {
	if done := p.done.Add(int64(n)); p.tell != nil {
		p.tell(int(done), p.all, p.what)
	}
}

func (p *progress) begin(what string) {
	p.what = what
	p.add(0)
}

// Run measures. It returns figures only if each event of each round got its one link.
func Run(ctx context.Context, servers *rig.Servers, o Options) (*Report, error) {
	b := &bench{Options: o, servers: servers, run: nuid.Next()}
	b.progress = &progress{all: b.all(), tell: o.Progress}
	if err := servers.Prepare(ctx, topology.Settings{}); err != nil {
		return nil, err
	}
	var err error
	if b.js, err = jetstream.New(servers.NATS, jetstream.WithPublishAsyncMaxPending(publishAhead)); err != nil {
		return nil, err
	}
	report := &Report{Version: o.Version, Time: time.Now().UTC(), Machine: thisMachine(), Servers: servers.Kind, Settings: o.Settings}
	for _, m := range measurements {
		if b.measures(m.names...) {
			if err := m.run(b, ctx, report); err != nil {
				return nil, err
			}
		}
	}
	return report, nil
}

// measures reports whether one of these is to be measured.
func (b *bench) measures(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(b.Measure, name) })
}

// events is how many a backlog has at a vendor of a latency.
func (b *bench) events(latency time.Duration) int {
	if latency <= 0 {
		return b.Events
	}
	return max(2, min(b.Events, int(b.limit(latency)*b.DrainFor.Seconds())))
}

// limit is Little's law.
func (b *bench) limit(latency time.Duration) float64 {
	if latency <= 0 {
		return 0
	}
	return float64(b.Concurrency) / latency.Seconds()
}

// all is how many events and links there will be.
func (b *bench) all() (n int) {
	for _, m := range measurements {
		if b.measures(m.names...) {
			n += m.events(b)
		}
	}
	return n
}

// withVendor does something with a vendor of a latency.
func (b *bench) withVendor(ctx context.Context, latency time.Duration, do func(vendor *rig.Process) error) (err error) {
	vendor, err := b.startVendor(ctx, latency.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vendor.Stop()) }()
	return do(vendor)
}
