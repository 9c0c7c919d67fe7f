package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// A listing walks the stream backwards, a window of sequences at a time. The
// first one is small, for whoever wants the newest few.
const (
	firstWindow = 256
	maxWindow   = 8192
	// widest bounds a window of a region in which there is nothing any more.
	widest = 1 << 40
	// windowTries is how often a window is read again after a fault.
	windowTries = 3
	// consumerIdle is how long the server keeps a window's consumer. It is left to
	// end by itself, so that reading needs no right to delete anything.
	consumerIdle = 5 * time.Second
)

// List hands the letters that the filter means to yield, newest first, and ends
// with the first error of yield. Letters that come while it runs are not listed. It
// reads headers alone, and holds no more than some thousands of letters at once.
//
// A message that is no dead letter is listed too, with its fault, unless the filter
// asks for what only a letter has.
func (s *Store) List(ctx context.Context, f Filter, yield func(*Entry) error) error {
	match, err := f.matcher()
	if err != nil {
		return err
	}
	if f.onlyLetters() {
		byHeader := match
		match = func(header nats.Header) bool { return header.Get(headerReason) != "" && byHeader(header) }
	}
	low, high, err := s.span(ctx, f)
	if err != nil {
		return err
	}
	given, size := 0, uint64(firstWindow)
	for high >= low {
		from := low
		if high-low >= size {
			from = high - size + 1
		}
		w := &window{store: s, from: from, to: high, subject: s.consumerFilter(f), match: match}
		if err := w.readSafely(ctx); errors.Is(err, errTooMuch) {
			size = max(maxWindow, size/64)
			continue
		} else if err != nil {
			return fmt.Errorf("list the stream %s: %w", s.Name(), err)
		}
		for i := len(w.entries) - 1; i >= 0; i-- {
			if w.entries[i].Letter == nil && f.onlyLetters() {
				continue
			}
			if err := yield(w.entries[i]); err != nil {
				return err
			}
			if given++; given == f.Limit {
				return nil
			}
		}
		if from == low {
			return nil
		}
		high, size = from-1, nextSize(size, w.seen)
	}
	return nil
}

// nextSize grows the window to what may be held at once; where nothing is left, as
// after many letters were removed, further.
func nextSize(size, seen uint64) uint64 {
	if seen == 0 {
		return min(size*4, widest)
	}
	if size > maxWindow {
		return maxWindow
	}
	return min(size*4, maxWindow)
}

func (s *Store) consumerFilter(f Filter) string {
	if f.Subject != "" {
		return events.DeadLetterPrefix + f.Subject
	}
	return s.filter
}

// span is the first and the last sequence that can be meant.
func (s *Store) span(ctx context.Context, f Filter) (low, high uint64, err error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("stream %s: %w", s.Name(), err)
	}
	low, high = max(1, info.State.FirstSeq), info.State.LastSeq
	if info.State.Msgs == 0 {
		return 1, 0, nil
	}
	if !f.Since.IsZero() {
		if low, err = s.firstFrom(ctx, f.Since, high); err != nil {
			return 0, 0, err
		}
	}
	if !f.Until.IsZero() {
		after, err := s.firstFrom(ctx, f.Until, high)
		if err != nil {
			return 0, 0, err
		}
		high = after - 1
	}
	return max(1, low), high, nil
}

// firstFrom is the first sequence stored at that time or later, last+1 where there
// is none.
func (s *Store) firstFrom(ctx context.Context, at time.Time, last uint64) (uint64, error) {
	consumer, err := s.consumer(ctx, jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at})
	if err != nil {
		return 0, err
	}
	if consumer.CachedInfo().NumPending == 0 {
		return last + 1, nil
	}
	msg, err := consumer.Next(jetstream.FetchMaxWait(consumerIdle))
	if err != nil {
		return 0, fmt.Errorf("look for %s: %w", at.UTC().Format(time.RFC3339), err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		return 0, err
	}
	return min(meta.Sequence.Stream, last+1), nil
}

// consumer makes a short-lived one that hands out headers and remembers nothing.
func (s *Store) consumer(ctx context.Context, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	c.AckPolicy, c.HeadersOnly = jetstream.AckNonePolicy, true
	c.InactiveThreshold, c.MemoryStorage, c.Replicas = consumerIdle, true, 1
	return s.stream.CreateConsumer(ctx, c)
}

// window is a range of sequences that is read at once.
type window struct {
	store    *Store
	from, to uint64
	subject  string
	match    func(nats.Header) bool

	entries []*Entry // those that match, oldest first
	seen    uint64   // all that are there
}

var (
	errIncomplete = errors.New("messages were lost on the way")
	// errTooMuch is that a window of what seemed to be an empty region is not empty.
	errTooMuch = errors.New("more than can be held at once")
)

// readSafely reads the window, again where something got lost.
func (w *window) readSafely(ctx context.Context) error {
	var err error
	for range windowTries {
		w.entries, w.seen = nil, 0
		if err = w.read(ctx); err == nil || errors.Is(err, errTooMuch) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (w *window) read(ctx context.Context) error {
	consumer, err := w.store.consumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: w.from, FilterSubject: w.subject,
	})
	if err != nil {
		return err
	}
	if consumer.CachedInfo().NumPending == 0 {
		return nil
	}
	for {
		before := w.seen
		batch, err := consumer.FetchNoWait(int(min(w.to-w.from+1, maxWindow)))
		if err != nil {
			return err
		}
		done, err := w.take(batch)
		if done || err != nil {
			return err
		}
		if err := errors.Join(batch.Error(), ctx.Err()); err != nil {
			return err
		}
		if w.seen == before { // nothing more came: because there is nothing more?
			info, err := consumer.Info(ctx)
			if err != nil {
				return err
			}
			if info.NumPending > 0 || info.Delivered.Consumer != w.seen {
				return errIncomplete
			}
			return nil
		}
	}
}

// take takes what has come, and says whether the window's end was reached. What
// comes after it is drained.
func (w *window) take(batch jetstream.MessageBatch) (done bool, err error) {
	for msg := range batch.Messages() {
		if done || err != nil {
			continue
		}
		meta, metaErr := msg.Metadata()
		switch {
		case metaErr != nil:
			err = metaErr
		case meta.Sequence.Stream > w.to:
			done = true
		case meta.Sequence.Consumer != w.seen+1:
			err = errIncomplete
		case w.seen == 2*maxWindow:
			err = errTooMuch
		default:
			w.seen++
			w.keep(msg, meta)
			done = meta.Sequence.Stream == w.to || meta.NumPending == 0
		}
	}
	return done, err
}

func (w *window) keep(msg jetstream.Msg, meta *jetstream.MsgMetadata) {
	header := msg.Headers()
	if !strings.HasPrefix(msg.Subject(), events.DeadLetterPrefix) || !w.match(header) {
		return
	}
	stored := nats.Msg{Subject: msg.Subject(), Header: withoutAdded(header)}
	w.entries = append(w.entries, newEntry(meta.Sequence.Stream, meta.Timestamp, &stored))
}
