package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
)

// A listing walks the stream backwards, a window of sequences at a time. The
// first one is small, for whoever wants the newest few.
const (
	firstWindow = 256
	maxWindow   = 8192
	// widest bounds a window of a region in which there is nothing any more.
	widest = 1 << 40
	// pageSize is how many letters are read at once, bodies included.
	pageSize = 1024
)

// List hands the letters that the filter means to yield, newest first, and ends
// with the first error of yield. Letters that come while it runs are not listed. It
// holds no more than some thousands of letters at once, without their bodies, and
// needs no right but to read the stream.
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
	log := history.Of(s.js, s.stream, s.listFilter(f))
	low, high, err := s.span(ctx, f, log)
	if err != nil {
		return err
	}
	given, size := 0, uint64(firstWindow)
	for high >= low {
		from := low
		if high-low >= size {
			from = high - size + 1
		}
		w := &window{log: log, from: from, to: high, match: match}
		if err := w.read(ctx); errors.Is(err, errTooMuch) {
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

func (s *Store) listFilter(f Filter) string {
	if f.Subject != "" {
		return events.DeadLetterPrefix + f.Subject
	}
	return s.filter
}

// span is the first and the last sequence that can be meant.
func (s *Store) span(ctx context.Context, f Filter, log *history.Log) (low, high uint64, err error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("stream %s: %w", s.Name(), err)
	}
	low, high = max(1, info.State.FirstSeq), info.State.LastSeq
	if info.State.Msgs == 0 {
		return 1, 0, nil
	}
	if !f.Since.IsZero() {
		if low, err = log.Since(ctx, f.Since, low, high); err != nil {
			return 0, 0, err
		}
	}
	if !f.Until.IsZero() {
		after, err := log.Since(ctx, f.Until, low, high)
		if err != nil {
			return 0, 0, err
		}
		high = after - 1
	}
	return max(1, low), high, nil
}

// window is a range of sequences that is read at once.
type window struct {
	log      *history.Log
	from, to uint64
	match    func(nats.Header) bool

	entries []*Entry // those that match, oldest first
	seen    uint64   // all that are there
}

// errTooMuch is that a window of what seemed to be an empty region is not empty.
var errTooMuch = errors.New("more than can be held at once")

func (w *window) read(ctx context.Context) error {
	for next := w.from; next <= w.to; {
		page, err := w.log.Read(ctx, next, int(min(w.to-next+1, pageSize)))
		if err != nil {
			return err
		}
		for _, msg := range page.Messages {
			if msg.Sequence > w.to {
				return nil
			}
			if w.seen++; w.seen > 2*maxWindow {
				return errTooMuch
			}
			w.keep(msg)
			next = msg.Sequence + 1
		}
		if !page.More {
			return nil
		}
	}
	return nil
}

func (w *window) keep(msg *jetstream.RawStreamMsg) {
	if !strings.HasPrefix(msg.Subject, events.DeadLetterPrefix) || !w.match(msg.Header) {
		return
	}
	w.entries = append(w.entries, newEntry(msg.Sequence, msg.Time, &nats.Msg{Subject: msg.Subject, Header: msg.Header}))
}
