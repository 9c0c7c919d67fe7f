package deadletter

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
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
	quick := f.sieve()
	given, err := s.pass(newWalk(ctx, log, match, low, high, quick), f, yield)
	if quick != nil && given == 0 && err == nil { // that nothing is there is said only after a look at all
		_, err = s.pass(newWalk(ctx, log, match, low, high, nil), f, yield)
	}
	return err
}

// pass hands on what a walk finds, and says how many that were.
func (s *Store) pass(k *walk, f Filter, yield func(*Entry) error) (given int, err error) {
	defer k.end()
	for w := k.next(); w != nil; w = k.next() {
		if w.err != nil {
			return given, fmt.Errorf("list the stream %s: %w", s.Name(), w.err)
		}
		for i := len(w.entries) - 1; i >= 0; i-- {
			if w.entries[i].Letter == nil && f.onlyLetters() {
				continue
			}
			if err := yield(w.entries[i]); err != nil {
				return given, err
			}
			if given++; given == f.Limit {
				return given, nil
			}
		}
	}
	return given, nil
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
