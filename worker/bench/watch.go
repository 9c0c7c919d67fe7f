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

const (
	// publishAhead is how many publishes may wait for their acknowledgement.
	publishAhead = 1024
	// publishBatch is how many are published until each of them is looked at.
	publishBatch = 16384
	// watchEvery is how often the streams are looked at: seldom enough to cost nobody anything.
	watchEvery = 20 * time.Millisecond
	// stall is how long nothing may happen.
	stall = 60 * time.Second
)

// publish queues events.
func (b *bench) publish(ctx context.Context, n int, make func(i int) (*nats.Msg, error)) error {
	for done := 0; done < n; {
		batch := min(publishBatch, n-done)
		if err := b.publishBatch(ctx, done, batch, make); err != nil {
			return err
		}
		done += batch
		b.progress.add(batch)
	}
	return nil
}

func (b *bench) publishBatch(ctx context.Context, from, n int, make func(i int) (*nats.Msg, error)) error {
	futures := []jetstream.PubAckFuture{}
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		msg, err := make(from + i)
		if err != nil {
			return err
		}
		future, err := b.js.PublishMsgAsync(msg, jetstream.WithStallWait(stall))
		if err != nil {
			return fmt.Errorf("publishing events: %w", err)
		}
		futures = append(futures, future)
	}
	timeout := time.After(stall)
	for _, future := range futures {
		select {
		case ack := <-future.Ok():
			if ack.Duplicate {
				return errors.New("an event was known to the stream already")
			}
		case err := <-future.Err():
			return fmt.Errorf("publishing events: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			return errors.New("the stream does not acknowledge the events")
		}
	}
	return nil
}

// last is the sequence of a stream's last message.
func (b *bench) last(ctx context.Context, stream string) (uint64, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.LastSeq, nil
}

// waitLinks waits until the stream of results has grown to a sequence.
func (b *bench) waitLinks(ctx context.Context, c crew, from, to uint64) error {
	grown, moved := from, time.Now()
	for {
		now, err := b.last(ctx, events.StreamLinks)
		if err != nil {
			return err
		}
		b.progress.add(int(now - grown)) // #nosec G115 -- no stream holds 2⁶³ messages
		if now >= to {
			return nil
		}
		if now > grown {
			grown, moved = now, time.Now()
		}
		if err := c.alive(); err != nil {
			return err
		}
		if time.Since(moved) > stall {
			return errors.Join(fmt.Errorf("%s has made %d of %d links, and nothing more for %v", c[0].Name, now-from, to-from, stall), complaints(c[0]))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchEvery):
		}
	}
}

// waitSettled waits until each event is acknowledged.
func (b *bench) waitSettled(ctx context.Context, c *rig.Process, consumer string) error {
	least, moved := ^uint64(0), time.Now()
	for {
		left, err := b.unsettled(ctx, consumer)
		if err != nil {
			return err
		}
		if left == 0 {
			return nil
		}
		if left < least {
			least, moved = left, time.Now()
		}
		if time.Since(moved) > stall {
			return fmt.Errorf("%s has not acknowledged %d events", c.Name, left)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchEvery):
		}
	}
}

// unsettled is how many events of a consumer are not acknowledged.
func (b *bench) unsettled(ctx context.Context, consumer string) (uint64, error) {
	found, err := b.js.Consumer(ctx, events.StreamBilling, consumer)
	if err != nil {
		return 0, err
	}
	info := found.CachedInfo()
	return after(info.NumPending, info.NumAckPending), nil
}

// verify looks that there are as many new links as there should be, at the vendor and in the stream, and nothing else.
func (b *bench) verify(ctx context.Context, t *task, before *mark) error {
	count, err := asked(ctx, t.vendor)
	if err != nil {
		return err
	}
	created, failed, letters, err := b.told(ctx)
	if err != nil {
		return err
	}
	made, sessions, refused := count.Links-before.vendor.Links, count.Sessions-before.vendor.Sessions, count.Refused-before.vendor.Refused
	asWanted := made == t.links || t.part && made > t.links
	if !asWanted || sessions != t.sessions || refused != 0 || created != after(before.created, made+sessions) || failed != 0 || letters != 0 {
		return fmt.Errorf("%s: for %d invoices and %d session requests the vendor made %d links (%d asked for twice) and %d sessions, "+
			"and there are %d link.created, %d link.failed and %d dead letters: no figures",
			t.contender.Name, t.links, t.sessions, made, refused, sessions, created-before.created, failed, letters)
	}
	return nil
}

// told is how many results there are in the streams.
func (b *bench) told(ctx context.Context) (created, failed, letters uint64, err error) {
	links, err := b.js.Stream(ctx, events.StreamLinks)
	if err != nil {
		return 0, 0, 0, err
	}
	info, err := links.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return 0, 0, 0, err
	}
	dead, err := b.js.Stream(ctx, events.StreamDeadLetters)
	if err != nil {
		return 0, 0, 0, err
	}
	return info.State.Subjects[events.SubjectLinkCreated], info.State.Subjects[events.SubjectLinkFailed], dead.CachedInfo().State.Msgs, nil
}
