package bench

import (
	"context"
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

func (b *bench) findBacklog(ctx context.Context, vendor *rig.Process, round string) (*Memory, error) {
	t := &task{contender: worker(b.Program), vendor: vendor, links: b.drained(), part: true}
	m := &Memory{Queued: b.Grow, Drained: t.links}
	err := b.trial(ctx, round, t, b.Grow, func(crew crew, _ *corpus, before *mark) error {
		if err := b.watchMemory(ctx, crew, before.links, m); err != nil {
			return err
		}
		first, err := b.linkAt(ctx, before.links+1)
		m.FirstLink = first.Sub(before.begun)
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
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
