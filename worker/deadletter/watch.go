package deadletter

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
)

// Fate is what became of a replay.
type Fate string

// The fates.
const (
	// FateCreated is that link.created tells of it.
	FateCreated Fate = "created"
	// FateDuplicate is that its link had been told before, or for another event with
	// the token: the worker has acknowledged the replay and done nothing else.
	FateDuplicate Fate = "duplicate"
	// FateFailed is that it ended as a dead letter again.
	FateFailed Fate = "failed"
	// FateEarlier is that it had been sent before (see [Sent.Earlier]) and had ended
	// before anybody listened.
	FateEarlier Fate = "earlier"
	// FateOpen is that nothing was heard of it in time: it is in work, or waits.
	FateOpen Fate = "open"
)

// Outcome is what became of one replay.
type Outcome struct {
	// ID is that of the letter that was replayed.
	ID   uint64
	Fate Fate
	// URL is of the link, where it is told.
	URL string
	// Reason, Code, Detail and DeadLetter are of the new dead letter, where it failed.
	Reason, Code, Detail, DeadLetter string
}

// Watch hears what the worker tells of replays. Begin it before the first one is
// sent.
type Watch struct {
	js   jetstream.JetStream
	from map[string]start // by subject
}

// start is where to begin to listen.
type start struct {
	log    *history.Log
	stream string
	first  uint64
}

// floorEvery is how often it is asked how far the worker has come.
const floorEvery = 250 * time.Millisecond

// NewWatch begins to listen from now on.
func NewWatch(ctx context.Context, js jetstream.JetStream) (*Watch, error) {
	w := &Watch{js: js, from: map[string]start{}}
	for _, subject := range []string{events.SubjectLinkCreated, events.SubjectLinkFailed} {
		name, err := events.StreamOf(ctx, js, subject)
		if err != nil {
			return nil, fmt.Errorf("find the stream of %s: %w", subject, err)
		}
		log, err := history.Open(ctx, js, name, subject)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
		w.from[subject] = start{log, name, log.Last() + 1}
	}
	return w, nil
}

// Wait hands the outcome of each replay to report, as it comes, and returns when
// there is one for all, or when ctx ends: then the others are reported as open. Its
// error is that it could not listen.
func (w *Watch) Wait(ctx context.Context, all []*Sent, report func(Outcome)) error {
	v := newVigil(w, all, report)
	listening, stop := context.WithCancel(ctx)
	messages, faults := make(chan *jetstream.RawStreamMsg), make(chan error, len(w.from))
	var running sync.WaitGroup
	for _, from := range w.from {
		running.Go(func() { faults <- w.listen(listening, from, messages) })
	}
	defer running.Wait()
	defer stop()
	err := v.run(ctx, messages, faults)
	for x := range v.open {
		report(Outcome{ID: x.sent.ID, Fate: FateOpen})
	}
	return err
}

// listen hands on what comes of one subject.
func (w *Watch) listen(ctx context.Context, from start, messages chan<- *jetstream.RawStreamMsg) error {
	for msg, err := range from.log.Follow(ctx, from.first) {
		if err != nil {
			return fmt.Errorf("read the stream %s: %w", from.stream, err)
		}
		select {
		case messages <- msg:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
