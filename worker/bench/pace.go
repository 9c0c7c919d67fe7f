package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/rig"
)

// Pace is how long a contender's links took at a steady rate.
type Pace struct {
	Events int                      `json:"events"`
	P50    time.Duration            `json:"p50Nanoseconds"`
	P90    time.Duration            `json:"p90Nanoseconds"`
	P99    time.Duration            `json:"p99Nanoseconds"`
	Steps  map[string]time.Duration `json:"stepNanoseconds,omitzero"`
}

// pace measures a contender at a steady rate.
func (b *bench) pace(ctx context.Context, c Contender, vendor *rig.Process, round string) (_ *Pace, err error) {
	prefix := "linkworker-bench-" + round
	defer func() { err = errors.Join(err, b.cleanUp(ctx, prefix)) }()
	corpus, err := newCorpus(round, b.Size)
	if err != nil {
		return nil, err
	}
	before, err := asked(ctx, vendor)
	if err != nil {
		return nil, err
	}
	process, err := b.startContender(ctx, c, vendor.URL(), prefix, nil)
	if err != nil {
		return nil, err
	}
	p, warm := &Pace{Events: b.paced()}, b.warmUp()
	err = b.walk(ctx, process, corpus, p, warm)
	if err := errors.Join(err, process.Stop()); err != nil {
		return nil, err
	}
	if err := b.verify(ctx, c.Name, VendorCount{Links: warm + p.Events}, vendor, before); err != nil {
		return nil, errors.Join(err, complaints(process))
	}
	return p, nil
}

// paced is how many events are published at the rate.
func (b *bench) paced() int { return max(1, int(b.Rate*b.RateFor.Seconds())) }

// warmUp is how many events a contender gets beforehand, so that its connections are open.
func (b *bench) warmUp() int { return 2 * b.Concurrency }

func (b *bench) walk(ctx context.Context, process *rig.Process, corpus *corpus, p *Pace, warm int) error {
	from, err := b.last(ctx, events.StreamLinks)
	if err != nil {
		return err
	}
	if err := b.publish(ctx, warm, func(i int) (*nats.Msg, error) { return corpus.invoice(i, 0) }); err != nil {
		return err
	}
	if err := b.waitLinks(ctx, process, from, from+uint64(warm)); err != nil {
		return err
	}
	warmed, err := read(ctx, process)
	if err != nil {
		return err
	}
	asked, err := b.last(ctx, events.StreamBilling)
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / b.Rate))
	defer tick.Stop()
	err = b.publish(ctx, p.Events, func(i int) (*nats.Msg, error) {
		<-tick.C
		return corpus.invoice(warm+i, 0)
	})
	if err != nil {
		return err
	}
	first, end := from+uint64(warm), from+uint64(warm+p.Events)
	if err := b.waitLinks(ctx, process, first, end); err != nil {
		return err
	}
	if err := b.waitSettled(ctx, process, events.ConsumerInvoices); err != nil {
		return err
	}
	said, err := read(ctx, process)
	if err != nil {
		return err
	}
	p.Steps = said.means(warmed)
	times, err := b.times(ctx, asked, first, p.Events)
	if err != nil {
		return err
	}
	p.P50, p.P90, p.P99 = percentile(times, 50), percentile(times, 90), percentile(times, 99)
	return nil
}

// times are how long after each event its result was stored.
func (b *bench) times(ctx context.Context, billing, links uint64, n int) ([]time.Duration, error) {
	asked, err := b.stored(ctx, events.StreamBilling, billing, n)
	if err != nil {
		return nil, err
	}
	told, err := b.stored(ctx, events.StreamLinks, links, n)
	if err != nil {
		return nil, err
	}
	times := make([]time.Duration, 0, n)
	for token, at := range told {
		begun, found := asked[token]
		if !found {
			return nil, fmt.Errorf("a link for %s, which was not asked for then", token)
		}
		times = append(times, at.Sub(begun))
	}
	if len(times) != n {
		return nil, fmt.Errorf("%d links for %d events", len(times), n)
	}
	return times, nil
}

// stored is when the messages that follow a sequence were stored, by their subject attribute.
func (b *bench) stored(ctx context.Context, stream string, after uint64, n int) (map[string]time.Time, error) {
	consumer, err := b.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	})
	if err != nil {
		return nil, err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, err
	}
	defer messages.Stop()
	found := make(map[string]time.Time, n)
	for range n {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return nil, err
		}
		found[msg.Headers().Get("ce-subject")] = meta.Timestamp
	}
	return found, nil
}
