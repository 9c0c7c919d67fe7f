package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/linkworker/linkworker/worker/rig"
)

// Replicas is how fast workers are that share a backlog, at a vendor that takes its time.
type Replicas struct {
	VendorLatency time.Duration `json:"vendorLatencyNanoseconds"`
	Counts        []ReplicaRow  `json:"counts"`
}

// ReplicaRow is one number of workers, compared with the first.
type ReplicaRow struct {
	Replicas int     `json:"replicas"`
	Limit    float64 `json:"limitPerSecond,omitzero"` // of the calls at once of all
	Standing
}

// replicaEvents is a backlog for a number of workers.
func (b *bench) replicaEvents(count int) int { return count * b.events(slices.Max(b.Latencies)) }

func (b *bench) replicasEvents() (n int) {
	for _, count := range b.Options.Replicas {
		n += 2 * b.replicaEvents(count)
	}
	return n * b.Rounds
}

func (b *bench) replicas(ctx context.Context, report *Report) error {
	latency := slices.Max(b.Latencies)
	r := &Replicas{VendorLatency: latency}
	for _, count := range b.Options.Replicas {
		r.Counts = append(r.Counts, ReplicaRow{
			Replicas: count, Limit: float64(count) * b.limit(latency), Standing: Standing{Name: NameWorker},
		})
	}
	err := b.withVendor(ctx, latency, func(vendor *rig.Process) error {
		for round := range b.Rounds {
			for i, count := range b.Options.Replicas {
				b.progress.begin(fmt.Sprintf("%d replicas, vendor %v", count, latency))
				// They start and end one after the other: what counts is how fast they are together.
				d, err := b.drain(ctx, fmt.Sprintf("%s-replicas-%d-%d", b.run, count, round), &task{
					contender: worker(b.Program), copies: count, vendor: vendor, events: b.replicaEvents(count), steady: true,
				})
				if err != nil {
					return err
				}
				r.Counts[i].Rounds = append(r.Counts[i].Rounds, *d)
			}
		}
		return nil
	})
	for i := range r.Counts {
		r.Counts[i].sum()
		r.Counts[i].compare(r.Counts[0].Rounds)
	}
	report.Replicas = r
	return err
}
