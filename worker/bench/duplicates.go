package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/worker/rig"
)

// Duplicates is what an event costs where a share of a backlog repeats invoices that came before, compared with the first
// share. The vendor answers at once.
type Duplicates struct {
	Percent int `json:"percent"`
	Standing
}

// originals is how many events of a backlog are no repeats.
func (b *bench) originals(percent int) int { return max(1, b.Events*(100-percent)/100) }

func (b *bench) duplicatesEvents() (n int) {
	for _, percent := range b.Options.Duplicates {
		n += b.Events + b.originals(percent)
	}
	return n * b.Rounds
}

func (b *bench) duplicates(ctx context.Context, report *Report) error {
	shares := make([]Duplicates, 0, len(b.Options.Duplicates))
	for _, percent := range b.Options.Duplicates {
		shares = append(shares, Duplicates{percent, Standing{Name: NameWorker}})
	}
	err := b.withVendor(ctx, 0, func(vendor *rig.Process) error {
		for round := range b.Rounds {
			for i, percent := range b.Options.Duplicates {
				b.progress.begin(fmt.Sprintf("%d %% duplicates", percent))
				d, err := b.drainRepeats(ctx, vendor, fmt.Sprintf("%s-duplicates-%d-%d", b.run, percent, round), b.originals(percent))
				if err != nil {
					return err
				}
				shares[i].Rounds = append(shares[i].Rounds, *d)
			}
		}
		return nil
	})
	for i := range shares {
		shares[i].sum()
		shares[i].compare(shares[0].Rounds)
	}
	report.Duplicates = shares
	return err
}

// drainRepeats lets the worker work off invoices and, after them, repeats of all in turn.
func (b *bench) drainRepeats(ctx context.Context, vendor *rig.Process, round string, originals int) (_ *Drain, err error) {
	t := &task{
		contender: worker(b.Program), vendor: vendor, prefix: prefixOf(round), events: b.Events, links: originals,
		whole: true, // the last link is not the last event
	}
	defer func() { err = errors.Join(err, b.cleanUp(ctx, t.prefix)) }()
	corpus, err := newCorpus(round, b.Size)
	if err != nil {
		return nil, err
	}
	t.make = func(i int) (*nats.Msg, error) { return corpus.invoice(i%originals, i/originals) }
	return b.do(ctx, t)
}
