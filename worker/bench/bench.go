package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/linkworker/linkworker/worker/rig"
	"github.com/linkworker/linkworker/worker/topology"
)

// Settings is what is measured.
type Settings struct {
	Events      int             `json:"events"`     // of a backlog, at the most: a slow vendor gets what it can do in DrainFor
	Size        int             `json:"eventBytes"` // of an event's data, at the least
	Rounds      int             `json:"rounds"`
	Concurrency int             `json:"concurrency"` // calls at once
	Latencies   []time.Duration `json:"vendorLatenciesNanoseconds"`
	Rate        float64         `json:"latencyRatePerSecond"` // events a second of the latency's measurement; 0: none
	RateFor     time.Duration   `json:"latencyForNanoseconds"`
	DrainFor    time.Duration   `json:"drainForNanoseconds"`
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
	for i, latency := range o.Latencies {
		t, l, err := b.atVendor(ctx, i, latency)
		if err != nil {
			return nil, err
		}
		report.Throughput = append(report.Throughput, *t)
		if l != nil {
			report.Latency = l
		}
	}
	return report, nil
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

// all is how many events there will be.
func (b *bench) all() (n int) {
	for _, latency := range b.Latencies {
		n += b.events(latency)
	}
	if b.Rate > 0 {
		n += b.warmUp() + b.paced()
	}
	return 2 * n * b.Rounds * len(b.Contenders) // once as an event, once as its link
}

// atVendor measures at a vendor of one latency; the first vendor's is the one for latencies, too.
func (b *bench) atVendor(ctx context.Context, index int, latency time.Duration) (t *Throughput, l *Latency, err error) {
	vendor, err := b.startVendor(ctx, latency.String())
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, vendor.Stop()) }()
	t = &Throughput{VendorLatency: latency, Limit: b.limit(latency)}
	if index == 0 && b.Rate > 0 {
		l = &Latency{VendorLatency: latency, PerSecond: b.Rate}
	}
	for _, c := range b.Contenders {
		t.Contenders = append(t.Contenders, Standing{Name: c.Name})
		if l != nil {
			l.Contenders = append(l.Contenders, Walker{Name: c.Name})
		}
	}
	for round := range b.Rounds {
		var profiles []string
		if index == 0 && round == b.Rounds-1 {
			profiles = b.Profiles
		}
		if err := b.round(ctx, vendor, fmt.Sprintf("%s-%d-%d", b.run, index, round), t, l, profiles); err != nil {
			return nil, nil, err
		}
	}
	t.sum()
	if l != nil {
		for i := range l.Contenders {
			l.Contenders[i].sum()
		}
	}
	return t, l, nil
}

// round lets each contender have its turn.
func (b *bench) round(ctx context.Context, vendor *rig.Process, name string, t *Throughput, l *Latency, profiles []string) error {
	for i, c := range b.Contenders {
		b.progress.begin(fmt.Sprintf("%s, vendor %v", c.Name, t.VendorLatency))
		drain, err := b.drain(ctx, c, vendor, fmt.Sprintf("%s-%d", name, i), b.events(t.VendorLatency), profiles)
		if err != nil {
			return err
		}
		t.Contenders[i].Rounds = append(t.Contenders[i].Rounds, *drain)
		if l == nil {
			continue
		}
		b.progress.begin(fmt.Sprintf("%s, %g a second", c.Name, b.Rate))
		pace, err := b.pace(ctx, c, vendor, fmt.Sprintf("%s-%d-paced", name, i))
		if err != nil {
			return err
		}
		l.Contenders[i].Rounds = append(l.Contenders[i].Rounds, *pace)
	}
	return nil
}

func (t *Throughput) sum() {
	var roofline []Drain
	for i := range t.Contenders {
		t.Contenders[i].sum()
		if t.Contenders[i].Name == NameRoofline {
			roofline = t.Contenders[i].Rounds
		}
	}
	for i := range t.Contenders {
		if roofline != nil {
			t.Contenders[i].compare(roofline)
		}
	}
}
