package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/rig"
)

// Sessions is how long a payer waits for a session: of an idle worker, and of one that has a backlog of invoices and all
// its calls to the vendor under way.
type Sessions struct {
	VendorLatency time.Duration  `json:"vendorLatencyNanoseconds"`
	PerSecond     float64        `json:"perSecond"` // session requests
	Backlog       int            `json:"backlog"`   // invoices
	Limit         float64        `json:"limitPerSecond,omitzero"`
	Median        SessionRound   `json:"median"`
	Rounds        []SessionRound `json:"rounds"`
}

// SessionRound is both in turn, by the same worker process.
type SessionRound struct {
	Idle Pace `json:"idle"`
	Busy Pace `json:"busy"`
	// How much longer a busy worker takes.
	More50 time.Duration `json:"p50MoreNanoseconds"`
	More99 time.Duration `json:"p99MoreNanoseconds"`
	// Calls is how many the busy worker made of both kinds, a second.
	Calls float64 `json:"busyCallsPerSecond"`
}

func (b *bench) sessionsEvents() int {
	return b.Rounds * (2*b.sessionLinks() + 4*b.paced() + b.Backlog + b.settleIn())
}

// sessionLinks is how many links there are for the sessions: one for each of a walk.
func (b *bench) sessionLinks() int { return max(b.warmUp(), b.paced()) }

// settleIn is how many links of the backlog are made until sessions are asked for.
func (b *bench) settleIn() int { return min(4*b.Concurrency, b.Backlog) }

func (b *bench) sessions(ctx context.Context, report *Report) error {
	latency := slices.Max(b.Latencies)
	s := &Sessions{VendorLatency: latency, PerSecond: b.Rate, Backlog: b.Backlog, Limit: b.limit(latency)}
	err := b.withVendor(ctx, latency, func(vendor *rig.Process) error {
		for round := range b.Rounds {
			r, err := b.sessionRound(ctx, vendor, fmt.Sprintf("%s-sessions-%d", b.run, round))
			if err != nil {
				return err
			}
			s.Rounds = append(s.Rounds, *r)
		}
		return nil
	})
	s.sum()
	report.Sessions = s
	return err
}

func (b *bench) sessionRound(ctx context.Context, vendor *rig.Process, round string) (r *SessionRound, err error) {
	t := &task{contender: worker(b.Program), vendor: vendor, links: b.sessionLinks(), sessions: 2 * b.paced(), part: true}
	err = b.trial(ctx, round, t, 0, func(crew crew, corpus *corpus, before *mark) (err error) {
		r, err = b.idleThenBusy(ctx, crew, corpus, before.links)
		return err
	})
	return r, err
}

// idleThenBusy asks for a session of each link, queues the backlog, and asks for another one of each.
func (b *bench) idleThenBusy(ctx context.Context, crew crew, corpus *corpus, links uint64) (*SessionRound, error) {
	warm := b.sessionLinks()
	b.progress.begin("sessions, idle worker")
	if err := b.warm(ctx, crew, corpus, links, warm); err != nil {
		return nil, err
	}
	idle, err := b.askForSessions(ctx, crew, corpus, 0)
	if err != nil {
		return nil, err
	}
	b.progress.begin("sessions, busy worker")
	links = after(links, warm+idle.Events)
	if err := b.publish(ctx, b.Backlog, corpus.fresh(warm)); err != nil {
		return nil, err
	}
	if err := b.waitLinks(ctx, crew, links, after(links, b.settleIn())); err != nil {
		return nil, err
	}
	begun := time.Now()
	if links, err = b.last(ctx, events.StreamLinks); err != nil {
		return nil, err
	}
	busy, err := b.askForSessions(ctx, crew, corpus, 1)
	if err != nil {
		return nil, err
	}
	told, err := b.last(ctx, events.StreamLinks)
	if err != nil {
		return nil, err
	}
	took := time.Since(begun)
	left, err := b.unsettled(ctx, events.ConsumerInvoices)
	if err != nil {
		return nil, err
	}
	if left <= after(0, b.Concurrency) {
		return nil, fmt.Errorf("the backlog of %d invoices was over before the sessions were: it must be larger", b.Backlog)
	}
	return &SessionRound{
		Idle: *idle, Busy: *busy, More50: busy.P50 - idle.P50, More99: busy.P99 - idle.P99, Calls: float64(told-links) / took.Seconds(),
	}, nil
}

// askForSessions asks for the n-th session of each link.
func (b *bench) askForSessions(ctx context.Context, crew crew, corpus *corpus, n int) (*Pace, error) {
	pace, err := b.walk(ctx, events.SubjectSessionRequested, b.paced(), func(i int) (*nats.Msg, error) { return corpus.session(i, n) })
	if err != nil {
		return nil, errors.Join(err, crew.alive())
	}
	return pace, b.waitSettled(ctx, crew[0], events.ConsumerSessions)
}

func (s *Sessions) sum() {
	r := s.Rounds
	figure := func(of func(SessionRound) Pace) (all []Pace) {
		for _, round := range r {
			all = append(all, of(round))
		}
		return all
	}
	s.Median = SessionRound{
		Idle:   medianPace(figure(func(r SessionRound) Pace { return r.Idle })),
		Busy:   medianPace(figure(func(r SessionRound) Pace { return r.Busy })),
		More50: medians(r, func(r SessionRound) time.Duration { return r.More50 }),
		More99: medians(r, func(r SessionRound) time.Duration { return r.More99 }),
		Calls:  medians(r, func(r SessionRound) float64 { return r.Calls }),
	}
}
