package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/rig"
)

// Drain is what one contender did with one backlog.
type Drain struct {
	Events     int                      `json:"events"`
	PerSecond  float64                  `json:"perSecond"`
	CPU        float64                  `json:"cpuSecondsPerThousand"`       // of the contender
	NATSCPU    float64                  `json:"natsCPUSecondsPerThousand"`   // zero where the server is not ours
	RedisCPU   float64                  `json:"redisCPUSecondsPerThousand"`  // zero where the server is not ours
	PeakMemory int64                    `json:"peakMemoryBytes"`             // of the contender
	AllocBytes float64                  `json:"allocBytesPerEvent,omitzero"` // zero of a contender that does not tell
	Allocs     float64                  `json:"allocsPerEvent,omitzero"`
	FirstLink  time.Duration            `json:"firstLinkNanoseconds"` // from the start of the process
	Steps      map[string]time.Duration `json:"stepNanoseconds,omitzero"`
}

// drain queues n events and measures how a contender works them off.
func (b *bench) drain(ctx context.Context, c Contender, vendor *rig.Process, round string, n int, profiles []string) (_ *Drain, err error) {
	prefix := "linkworker-bench-" + round
	defer func() { err = errors.Join(err, b.cleanUp(ctx, prefix)) }()
	corpus, err := newCorpus(round, b.Size)
	if err != nil {
		return nil, err
	}
	if err := b.publish(ctx, n, func(i int) (*nats.Msg, error) { return corpus.invoice(i, 0) }); err != nil {
		return nil, err
	}
	from, err := b.last(ctx, events.StreamLinks)
	if err != nil {
		return nil, err
	}
	before, err := asked(ctx, vendor)
	if err != nil {
		return nil, err
	}
	natsCPU, redisCPU := b.servers.CPU(rig.PartNATS), b.servers.CPU(rig.PartRedis)
	begun := time.Now()
	process, err := b.startContender(ctx, c, vendor.URL(), prefix, profiles)
	if err != nil {
		return nil, err
	}
	d := &Drain{Events: n}
	err = b.work(ctx, process, from, from+uint64(n), d)
	d.NATSCPU, d.RedisCPU = per(b.servers.CPU(rig.PartNATS)-natsCPU, n), per(b.servers.CPU(rig.PartRedis)-redisCPU, n)
	if err := errors.Join(err, process.Stop()); err != nil {
		return nil, err
	}
	cpu, most := process.Usage()
	d.CPU = per(cpu, n)
	if d.PeakMemory == 0 {
		d.PeakMemory = most
	}
	if err := b.verify(ctx, c.Name, VendorCount{Links: n}, vendor, before); err != nil {
		return nil, errors.Join(err, complaints(process))
	}
	return d, b.clock(ctx, d, from, begun)
}

// work waits until the backlog is worked off and reads what the contender says of it.
func (b *bench) work(ctx context.Context, process *rig.Process, from, to uint64, d *Drain) error {
	if err := b.waitLinks(ctx, process, from, to); err != nil {
		return err
	}
	if err := b.waitSettled(ctx, process, events.ConsumerInvoices); err != nil {
		return err
	}
	said, err := read(ctx, process)
	if err != nil {
		return err
	}
	d.AllocBytes, d.Allocs = said.bytes/float64(d.Events), said.allocs/float64(d.Events)
	d.Steps = said.means(&reading{})
	_, d.PeakMemory = process.Memory()
	return nil
}

// per is seconds for a thousand events.
func per(t time.Duration, n int) float64 { return t.Seconds() * 1000 / float64(n) }

// clock reads from the stream when the first and the last link came.
func (b *bench) clock(ctx context.Context, d *Drain, from uint64, begun time.Time) error {
	links, err := b.js.Stream(ctx, events.StreamLinks)
	if err != nil {
		return err
	}
	first, err := links.GetMsg(ctx, from+1)
	if err != nil {
		return fmt.Errorf("the first link: %w", err)
	}
	last, err := links.GetMsg(ctx, from+uint64(d.Events))
	if err != nil {
		return fmt.Errorf("the last link: %w", err)
	}
	d.FirstLink = first.Time.Sub(begun)
	d.PerSecond = float64(d.Events-1) / last.Time.Sub(first.Time).Seconds()
	return nil
}

// cleanUp leaves the servers as they were, also when the measurement was interrupted.
func (b *bench) cleanUp(ctx context.Context, prefix string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rig.EndTime)
	defer cancel()
	return errors.Join(b.servers.Empty(ctx), b.servers.Forget(ctx, prefix))
}
