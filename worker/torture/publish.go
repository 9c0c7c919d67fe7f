package torture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
)

// ready makes what has to be there before an event is published; false: it is to be published later.
func (t *trial) ready(ctx context.Context, e *event) (bool, error) {
	switch {
	case e.class == Taken, e.class == TakenOther, e.class == TakenExpired:
		return true, t.makeTaken(ctx, e)
	case e.class == RefusedOnce:
		t.refuseOnce(e)
	case e.class == Replay:
		return t.died(ctx, e.of)
	case e.waits:
		return t.told(ctx, events.LinkCreatedID(e.token, ""))
	}
	return true, nil
}

// noticed is what has been read of LINKS so far: link.created and link.failed.
type noticed struct {
	next uint64
	ids  map[string]bool
}

// told reports whether LINKS has a message with the id.
func (t *trial) told(ctx context.Context, id string) (bool, error) {
	n := &t.noticed
	err := t.insist(ctx, func(ctx context.Context) (err error) {
		n.next, err = t.follow(ctx, events.StreamLinks, "", n.next, func(msg *jetstream.RawStreamMsg) {
			if n.ids == nil {
				n.ids = map[string]bool{}
			}
			n.ids[msg.Header.Get(nats.MsgIdHdr)] = true
		})
		return err
	})
	return n.ids[id], err
}

// follow reads what has come to a stream from a sequence on, and says where to go on.
func (t *trial) follow(ctx context.Context, stream, subject string, from uint64, read func(*jetstream.RawStreamMsg)) (next uint64, err error) {
	log, err := history.Open(ctx, t.js, stream, subject)
	if err != nil {
		return from, err
	}
	for more := true; more && from <= log.Last(); {
		page, err := log.Read(ctx, from, 1000)
		if err != nil {
			return from, err
		}
		for _, msg := range page.Messages {
			read(msg)
			from = msg.Sequence + 1
		}
		more = page.More
	}
	return from, nil
}

// insist does a step again until it is done: servers may be away, and a cluster may have no leader.
func (t *trial) insist(ctx context.Context, step func(context.Context) error) error {
	for deadline := time.Now().Add(patience); ; {
		err := step(ctx)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		if err := errors.Join(ctx.Err(), t.failure()); err != nil {
			return err
		}
		rest(ctx, 50*time.Millisecond)
	}
}

// publish publishes an event until the stream has it, as a billing system does.
func (t *trial) publish(ctx context.Context, e *event) error {
	if e.class == Replay {
		return t.replay(ctx, e.of)
	}
	msg := &nats.Msg{Subject: e.subject, Header: nats.Header(e.header), Data: e.data}
	err := t.insist(ctx, func(ctx context.Context) error {
		_, err := t.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
		return err
	})
	if err != nil {
		return fmt.Errorf("publishing event %d: %w", e.number, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.published = append(t.published, e)
	return nil
}

// patience is how long nothing may move before that is taken for the end.
const patience = 90 * time.Second

// watchEvery is how often the streams are looked at.
const watchEvery = 50 * time.Millisecond

// open is how many events have not ended; false where nobody says.
func (t *trial) open(ctx context.Context) (n int, known bool) {
	for _, name := range []string{events.ConsumerInvoices, events.ConsumerSessions} {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		consumer, err := t.js.Consumer(ctx, events.StreamBilling, name)
		cancel()
		if err != nil {
			return 0, false
		}
		info := consumer.CachedInfo()
		n += int(info.NumPending) + info.NumAckPending // #nosec G115 -- no stream holds 2⁶³ messages
	}
	return n, true
}

// errStuck is that nothing moves any more.
var errStuck = errors.New("nothing moves any more")

// waitFor waits until no more than a few events are open.
func (t *trial) waitFor(ctx context.Context, most int) error {
	least, moved := -1, time.Now()
	for {
		n, known := t.open(ctx)
		if known {
			t.mu.Lock()
			published := len(t.published)
			t.mu.Unlock()
			if t.Progress != nil {
				t.Progress(published-n, len(t.plan.events), "")
			}
			if n <= most {
				return nil
			}
			if least < 0 || n < least {
				least, moved = n, time.Now()
			}
		}
		if err := errors.Join(ctx.Err(), t.failure()); err != nil {
			return err
		}
		if time.Since(moved) > patience+10*t.Lease {
			return fmt.Errorf("%w: %d events are open, and none has ended for %v", errStuck, n, patience+10*t.Lease)
		}
		rest(ctx, watchEvery)
	}
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
