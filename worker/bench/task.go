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

// task is a backlog for a contender.
type task struct {
	contender Contender
	copies    int // processes; 0: one
	profiles  []string
	vendor    *rig.Process
	prefix    string // of keys in Redis
	events    int
	make      func(i int) (*nats.Msg, error)
	links     int  // fewer than events where some are duplicates
	sessions  int  // that are made beside them
	part      bool // links is only the least: the contender is stopped with work left
	steady    bool // its beginning and its end do not count for the speed
	whole     bool // both count, from the start of the process to the last acknowledgement
}

// mark is where the streams and the vendor stood before a task.
type mark struct {
	links             uint64 // sequence
	created           uint64
	vendor            VendorCount
	natsCPU, redisCPU time.Duration
	begun             time.Time
}

// drain lets a contender work off a backlog of invoices, and leaves the servers as they were.
func (b *bench) drain(ctx context.Context, round string, t *task) (_ *Drain, err error) {
	t.prefix = prefixOf(round)
	defer func() { err = errors.Join(err, b.cleanUp(ctx, t.prefix)) }()
	corpus, err := newCorpus(round, b.Size)
	if err != nil {
		return nil, err
	}
	t.make, t.links = corpus.fresh(0), t.events
	return b.do(ctx, t)
}

// prefixOf is what a round's keys in Redis begin with.
func prefixOf(round string) string { return "linkworker-bench-" + round }

// do queues the backlog and measures how the contender works it off.
func (b *bench) do(ctx context.Context, t *task) (*Drain, error) {
	if err := b.publish(ctx, t.events, t.make); err != nil {
		return nil, err
	}
	before, err := b.mark(ctx, t.vendor)
	if err != nil {
		return nil, err
	}
	crew, err := b.startCrew(ctx, t)
	if err != nil {
		return nil, err
	}
	d := &Drain{Events: t.events}
	err = b.work(ctx, crew, before, t.links, d)
	d.NATSCPU, d.RedisCPU = per(b.servers.CPU(rig.PartNATS)-before.natsCPU, t.events), per(b.servers.CPU(rig.PartRedis)-before.redisCPU, t.events)
	if err := errors.Join(err, crew.stop()); err != nil {
		return nil, err
	}
	cpu, most := crew.usage()
	d.CPU = per(cpu, t.events)
	if d.PeakMemory == 0 {
		d.PeakMemory = most
	}
	if err := b.verify(ctx, t, before); err != nil {
		return nil, errors.Join(err, complaints(crew[0]))
	}
	return d, b.clock(ctx, d, before, t)
}

// trial queues a backlog, if one is given, and lets a contender work on it while measure looks on; then the work is
// verified. The servers are left as they were.
func (b *bench) trial(ctx context.Context, round string, t *task, backlog int,
	measure func(crew crew, corpus *corpus, before *mark) error,
) (err error) {
	t.prefix = prefixOf(round)
	defer func() { err = errors.Join(err, b.cleanUp(ctx, t.prefix)) }()
	corpus, err := newCorpus(round, b.Size)
	if err != nil {
		return err
	}
	if err := b.publish(ctx, backlog, corpus.fresh(0)); err != nil {
		return err
	}
	before, err := b.mark(ctx, t.vendor)
	if err != nil {
		return err
	}
	crew, err := b.startCrew(ctx, t)
	if err != nil {
		return err
	}
	if err := errors.Join(measure(crew, corpus, before), crew.stop()); err != nil {
		return err
	}
	if err := b.verify(ctx, t, before); err != nil {
		return errors.Join(err, complaints(crew[0]))
	}
	return nil
}

func (b *bench) mark(ctx context.Context, vendor *rig.Process) (m *mark, err error) {
	m = new(mark)
	if m.links, err = b.last(ctx, events.StreamLinks); err != nil {
		return nil, err
	}
	if m.created, _, _, err = b.told(ctx); err != nil {
		return nil, err
	}
	if m.vendor, err = asked(ctx, vendor); err != nil {
		return nil, err
	}
	m.natsCPU, m.redisCPU, m.begun = b.servers.CPU(rig.PartNATS), b.servers.CPU(rig.PartRedis), time.Now()
	return m, nil
}

// work waits until the backlog is worked off and reads what the contender says of it.
func (b *bench) work(ctx context.Context, crew crew, before *mark, links int, d *Drain) error {
	if err := b.waitLinks(ctx, crew, before.links, after(before.links, links)); err != nil {
		return err
	}
	if err := b.waitSettled(ctx, crew[0], events.ConsumerInvoices); err != nil {
		return err
	}
	settled := time.Now()
	said, err := crew.read(ctx)
	if err != nil {
		return err
	}
	d.PerSecond = float64(d.Events) / settled.Sub(before.begun).Seconds() // clock knows better, as a rule
	d.AllocBytes, d.Allocs = said.bytes/float64(d.Events), said.allocs/float64(d.Events)
	d.Steps = said.means(&reading{})
	d.PeakMemory = crew.peak()
	return nil
}

// per is seconds for a thousand events.
func per(t time.Duration, n int) float64 { return t.Seconds() * 1000 / float64(n) }

// clock reads from the stream when the first and the last link came.
func (b *bench) clock(ctx context.Context, d *Drain, before *mark, t *task) error {
	first, err := b.linkAt(ctx, before.links+1)
	if err != nil {
		return err
	}
	d.FirstLink = first.Sub(before.begun)
	if t.whole {
		return nil
	}
	from, to := 1, t.links
	if t.steady {
		from, to = from+t.links/10, to-t.links/10
	}
	begun, err := b.linkAt(ctx, after(before.links, from))
	if err != nil {
		return err
	}
	ended, err := b.linkAt(ctx, after(before.links, to))
	if err != nil {
		return err
	}
	d.PerSecond = float64(to-from) / ended.Sub(begun).Seconds()
	return nil
}

// after is the sequence of the n-th message after another.
func after(sequence uint64, n int) uint64 { return sequence + uint64(n) } // #nosec G115 -- a number of messages

// linkAt is when a link was stored.
func (b *bench) linkAt(ctx context.Context, sequence uint64) (time.Time, error) {
	links, err := b.js.Stream(ctx, events.StreamLinks)
	if err != nil {
		return time.Time{}, err
	}
	msg, err := links.GetMsg(ctx, sequence)
	if err != nil {
		return time.Time{}, fmt.Errorf("link %d: %w", sequence, err)
	}
	return msg.Time, nil
}

// cleanUp leaves the servers as they were, also when the measurement was interrupted.
func (b *bench) cleanUp(ctx context.Context, prefixes ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	err := b.servers.Empty(ctx)
	for _, prefix := range prefixes {
		err = errors.Join(err, b.servers.Forget(ctx, prefix))
	}
	return err
}

// cleanUpTime bounds how long a million keys may take to go.
const cleanUpTime = 2 * time.Minute
