package bench

import (
	"context"
	"errors"
	"time"

	"github.com/linkworker/linkworker/worker/rig"
)

// Memory is what a worker holds that finds a large backlog, at a vendor that answers at once.
type Memory struct {
	Queued int `json:"queued"`
	// Started is what it held when it had made its first links, and Peak the most until it had made Drained of them.
	Started   int64         `json:"startedBytes"`
	Drained   int           `json:"drained"`
	Peak      int64         `json:"peakBytes"`
	FirstLink time.Duration `json:"firstLinkNanoseconds"` // from the start of the process
}

// drained is how many of the queued are worked off.
func (b *bench) drained() int { return max(1, b.Grow/5) }

func (b *bench) memoryEvents() int { return b.Grow + b.drained() }

func (b *bench) memory(ctx context.Context, report *Report) error {
	return b.withVendor(ctx, 0, func(vendor *rig.Process) (err error) {
		b.progress.begin("memory, large backlog")
		report.Memory, err = b.findBacklog(ctx, vendor, b.run+"-memory")
		return err
	})
}

func (b *bench) findBacklog(ctx context.Context, vendor *rig.Process, round string) (_ *Memory, err error) {
	t := &task{contender: worker(b.Program), vendor: vendor, prefix: prefixOf(round), links: b.drained(), part: true}
	defer func() { err = errors.Join(err, b.cleanUp(ctx, t.prefix)) }()
	corpus, err := newCorpus(round, b.Size)
	if err != nil {
		return nil, err
	}
	if err := b.publish(ctx, b.Grow, corpus.fresh(0)); err != nil {
		return nil, err
	}
	before, err := b.mark(ctx, vendor)
	if err != nil {
		return nil, err
	}
	crew, err := b.startCrew(ctx, t)
	if err != nil {
		return nil, err
	}
	m := &Memory{Queued: b.Grow, Drained: t.links}
	err = b.watchMemory(ctx, crew, before.links, m)
	if err := errors.Join(err, crew.stop()); err != nil {
		return nil, err
	}
	if err := b.verify(ctx, t, before); err != nil {
		return nil, errors.Join(err, complaints(crew[0]))
	}
	first, err := b.linkAt(ctx, before.links+1)
	m.FirstLink = first.Sub(before.begun)
	return m, err
}

func (b *bench) watchMemory(ctx context.Context, crew crew, links uint64, m *Memory) error {
	begun := after(links, min(b.settleIn(), m.Drained))
	if err := b.waitLinks(ctx, crew, links, begun); err != nil {
		return err
	}
	m.Started, _ = crew[0].Memory()
	if err := b.waitLinks(ctx, crew, begun, after(links, m.Drained)); err != nil {
		return err
	}
	m.Peak = crew.peak()
	return nil
}
