package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/linkworker/linkworker/worker/rig"
)

// Growth is what an event costs as the streams and Redis fill, at a vendor that answers at once.
type Growth struct {
	Steps []GrowthStep `json:"steps"`
	// TokenBytes is what Redis holds for a token that has its link; zero where Redis does not say.
	TokenBytes float64 `json:"redisBytesPerToken,omitzero"`
}

// GrowthStep is a worker that works off a part of the events, on top of what was worked off before.
type GrowthStep struct {
	Before int   `json:"before"`              // events in the stream, links and tokens
	Redis  int64 `json:"redisBytes,omitzero"` // held afterwards; zero where Redis does not say
	Drain
}

// growthSteps is how many there are.
const growthSteps = 10

func (b *bench) growthEvents() int { return 2 * growthSteps * b.growthStep() }

func (b *bench) growthStep() int { return max(2, b.Grow/growthSteps) }

func (b *bench) growth(ctx context.Context, report *Report) error {
	return b.withVendor(ctx, 0, func(vendor *rig.Process) (err error) {
		report.Growth, err = b.grow(ctx, vendor, b.run+"-growth")
		return err
	})
}

func (b *bench) grow(ctx context.Context, vendor *rig.Process, round string) (_ *Growth, err error) {
	prefix := prefixOf(round)
	defer func() { err = errors.Join(err, b.cleanUp(ctx, prefix)) }()
	corpus, err := newCorpus(round, b.Size)
	if err != nil {
		return nil, err
	}
	if b.servers.Own() { // where earlier measurements have left theirs
		if err := b.servers.Redis.FlushAll(ctx).Err(); err != nil {
			return nil, err
		}
	}
	empty, err := b.redisHolds(ctx)
	if err != nil {
		return nil, err
	}
	g := &Growth{}
	size := b.growthStep()
	for step := range growthSteps {
		before := step * size
		b.progress.begin(fmt.Sprintf("growth, after %d", before))
		d, err := b.do(ctx, &task{
			contender: worker(b.Program), vendor: vendor, prefix: prefix, events: size, links: size, make: corpus.fresh(before),
		})
		if err != nil {
			return nil, err
		}
		held, err := b.redisHolds(ctx)
		if err != nil {
			return nil, err
		}
		g.Steps = append(g.Steps, GrowthStep{before, held, *d})
		g.TokenBytes = float64(held-empty) / float64(before+size)
	}
	return g, nil
}
