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
func (b *bench) pace(ctx context.Context, c Contender, vendor *rig.Process, round string) (p *Pace, err error) {
	n, warm := b.paced(), b.warmUp()
	t := &task{contender: c, vendor: vendor, events: warm + n, links: warm + n}
	err = b.trial(ctx, round, t, 0, func(crew crew, corpus *corpus, before *mark) (err error) {
		p, err = b.warmAndWalk(ctx, crew, corpus, before.links, warm, n)
		return err
	})
	return p, err
}

// paced is how many events are published at the rate.
func (b *bench) paced() int { return max(1, int(b.Rate*b.RateFor.Seconds())) }

// warmUp is how many events a contender gets beforehand, so that its connections are open.
func (b *bench) warmUp() int { return 2 * b.Concurrency }

func (b *bench) warmAndWalk(ctx context.Context, crew crew, corpus *corpus, links uint64, warm, n int) (*Pace, error) {
	if err := b.warm(ctx, crew, corpus, links, warm); err != nil {
		return nil, err
	}
	warmed, err := crew.read(ctx)
	if err != nil {
		return nil, err
	}
	p, err := b.walk(ctx, events.SubjectInvoiceIssued, n, corpus.fresh(warm))
	if err != nil {
		return nil, errors.Join(err, crew.alive())
	}
	if err := b.waitSettled(ctx, crew[0], events.ConsumerInvoices); err != nil {
		return nil, err
	}
	said, err := crew.read(ctx)
	if err != nil {
		return nil, err
	}
	p.Steps = said.means(warmed)
	return p, nil
}

// warm lets a contender make the links of the first n invoices.
func (b *bench) warm(ctx context.Context, crew crew, corpus *corpus, links uint64, n int) error {
	if err := b.publish(ctx, n, corpus.fresh(0)); err != nil {
		return err
	}
	if err := b.waitLinks(ctx, crew, links, after(links, n)); err != nil {
		return err
	}
	return b.waitSettled(ctx, crew[0], events.ConsumerInvoices)
}

// walk publishes n events on a subject at the rate and looks how long after each its result came.
func (b *bench) walk(ctx context.Context, subject string, n int, make func(i int) (*nats.Msg, error)) (*Pace, error) {
	asked, err := b.last(ctx, events.StreamBilling)
	if err != nil {
		return nil, err
	}
	told, err := b.last(ctx, events.StreamLinks)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / b.Rate))
	defer tick.Stop()
	err = b.publish(ctx, n, func(i int) (*nats.Msg, error) {
		<-tick.C
		return make(i)
	})
	if err != nil {
		return nil, err
	}
	times, err := b.times(ctx, subject, asked, told, n)
	if err != nil {
		return nil, err
	}
	return &Pace{Events: n, P50: percentile(times, 50), P90: percentile(times, 90), P99: percentile(times, 99)}, nil
}

// times are how long after each event its result was stored. It waits for those that are still to come.
func (b *bench) times(ctx context.Context, subject string, asked, told uint64, n int) ([]time.Duration, error) {
	begun := map[string]time.Time{}
	err := b.read(ctx, events.StreamBilling, subject, asked, func(token string, at time.Time) bool {
		begun[token] = at
		return len(begun) < n
	})
	if err != nil {
		return nil, err
	}
	times := make([]time.Duration, 0, n)
	err = b.read(ctx, events.StreamLinks, events.SubjectLinkCreated, told, func(token string, at time.Time) bool {
		if since, found := begun[token]; found {
			times = append(times, at.Sub(since))
			b.progress.add(1)
		}
		return len(times) < n
	})
	if err != nil {
		return nil, fmt.Errorf("%d results of %d: %w", len(times), n, err)
	}
	return times, nil
}

// read reads a stream after a sequence, for each message its subject attribute and when it was stored, as long as it is to.
func (b *bench) read(ctx context.Context, stream, subject string, after uint64, more func(token string, at time.Time) bool) error {
	ctx, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	consumer, err := b.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, FilterSubjects: []string{subject}, HeadersOnly: true,
	})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if !more(msg.Headers().Get("ce-subject"), meta.Timestamp) {
			return nil
		}
	}
}
