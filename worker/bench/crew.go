package bench

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linkworker/linkworker/worker/rig"
)

// crew is a contender's processes: one, or several side by side.
type crew []*rig.Process

// startCrew starts a contender's processes, all at once.
func (b *bench) startCrew(ctx context.Context, t *task) (crew, error) {
	started := make(crew, max(1, t.copies))
	var group errgroup.Group
	for i := range started {
		group.Go(func() (err error) {
			started[i], err = b.startContender(ctx, t.contender, t.vendor.URL(), t.prefix, t.profiles)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, started.stop())
	}
	return started, nil
}

// stop ends those that were started.
func (c crew) stop() error {
	errs := make([]error, len(c))
	var group errgroup.Group
	for i, process := range c {
		if process != nil {
			group.Go(func() error {
				errs[i] = process.Stop()
				return nil
			})
		}
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

func (c crew) alive() error {
	errs := make([]error, 0, len(c))
	for _, process := range c {
		errs = append(errs, process.Alive())
	}
	return errors.Join(errs...)
}

// usage is the processor time of all, and the most memory that one of them held.
func (c crew) usage() (cpu time.Duration, memory int64) {
	for _, process := range c {
		used, most := process.Usage()
		cpu, memory = cpu+used, max(memory, most)
	}
	return cpu, memory
}

// peak is the most memory that one of them has held so far.
func (c crew) peak() (memory int64) {
	for _, process := range c {
		_, most := process.Memory()
		memory = max(memory, most)
	}
	return memory
}

// read is what all say of themselves, together.
func (c crew) read(ctx context.Context) (*reading, error) {
	sum := &reading{steps: map[string]step{}}
	for _, process := range c {
		one, err := read(ctx, process)
		if err != nil {
			return nil, err
		}
		sum.bytes, sum.allocs = sum.bytes+one.bytes, sum.allocs+one.allocs
		for name, s := range one.steps {
			sum.steps[name] = step{sum.steps[name].count + s.count, sum.steps[name].seconds + s.seconds}
		}
	}
	return sum, nil
}
