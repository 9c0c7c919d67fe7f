package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/linkworker/linkworker/worker/rig"
)

// sideBySide measures throughput and latency of all contenders.
func (b *bench) sideBySide(ctx context.Context, report *Report) error {
	for i, latency := range b.vendors() {
		err := b.withVendor(ctx, latency, func(vendor *rig.Process) error { return b.atVendor(ctx, vendor, i, latency, report) })
		if err != nil {
			return err
		}
	}
	return nil
}

// vendors are the latencies of the vendors that are needed. Latency is measured at the first alone.
func (b *bench) vendors() []time.Duration {
	if b.measures(MeasureThroughput) {
		return b.Latencies
	}
	return b.Latencies[:1]
}

// sideBySideEvents is how many events and links that takes.
func (b *bench) sideBySideEvents() (n int) {
	if b.measures(MeasureThroughput) {
		for _, latency := range b.Latencies {
			n += b.events(latency)
		}
	}
	if b.measures(MeasureLatency) {
		n += b.warmUp() + b.paced()
	}
	return 2 * n * b.Rounds * len(b.Contenders) // once as an event, once as its link
}

// atVendor measures at a vendor of one latency; the first vendor's is the one for latencies, too.
func (b *bench) atVendor(ctx context.Context, vendor *rig.Process, index int, latency time.Duration, report *Report) error {
	var t *Throughput
	var l *Latency
	if b.measures(MeasureThroughput) {
		t = &Throughput{VendorLatency: latency, Limit: b.limit(latency)}
	}
	if index == 0 && b.measures(MeasureLatency) {
		l = &Latency{VendorLatency: latency, PerSecond: b.Rate}
	}
	for _, c := range b.Contenders {
		if t != nil {
			t.Contenders = append(t.Contenders, Standing{Name: c.Name})
		}
		if l != nil {
			l.Contenders = append(l.Contenders, Walker{Name: c.Name})
		}
	}
	for round := range b.Rounds {
		var profiles []string
		if index == 0 && round == b.Rounds-1 {
			profiles = b.Profiles
		}
		for i, c := range b.Contenders {
			name := fmt.Sprintf("%s-%d-%d-%d", b.run, index, round, i)
			if t != nil {
				b.progress.begin(fmt.Sprintf("%s, vendor %v", c.Name, latency))
				drain, err := b.drain(ctx, name, &task{contender: c, vendor: vendor, events: b.events(latency), profiles: profiles})
				if err != nil {
					return err
				}
				t.Contenders[i].Rounds = append(t.Contenders[i].Rounds, *drain)
			}
			if l != nil {
				b.progress.begin(fmt.Sprintf("%s, %g a second", c.Name, b.Rate))
				pace, err := b.pace(ctx, c, vendor, name+"-paced")
				if err != nil {
					return err
				}
				l.Contenders[i].Rounds = append(l.Contenders[i].Rounds, *pace)
			}
		}
	}
	if t != nil {
		t.sum()
		report.Throughput = append(report.Throughput, *t)
	}
	if l != nil {
		l.sum()
		report.Latency = l
	}
	return nil
}
