package deadletter

import (
	"context"
	"errors"
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
	maxWindow   = 2048
	// widest bounds a window of a region in which there is nothing any more.
	widest = 1 << 40
	// pageSize is how many letters are read at once, bodies included.
	pageSize = 1024
)

// walk goes through the sequences from high down to low. While one window is looked
// at the next one is read, so that the server need not wait for us nor we for it.
type walk struct {
	ctx       context.Context
	cancel    context.CancelFunc
	log       *history.Log
	match     func(nats.Header) bool
	low, high uint64 // what is not asked for yet
	size      uint64 // of the next window
	ahead     *window
	sieve     *sieve // nil: none
}

func newWalk(ctx context.Context, log *history.Log, match func(nats.Header) bool, low, high uint64, s *sieve) *walk {
	k := &walk{log: log, match: match, low: low, high: high, size: firstWindow, sieve: s}
	k.ctx, k.cancel = context.WithCancel(ctx)
	return k
}

// end gives up what is being read.
func (k *walk) end() {
	k.cancel()
	if k.ahead != nil {
		<-k.ahead.done
	}
}

// next is the next window, with its error, nil when there is none.
func (k *walk) next() *window {
	for {
		w := k.ahead
		k.ahead = nil
		if w == nil {
			if w = k.ask(); w == nil {
				return nil
			}
		}
		// Who wants the newest few is done with the first window.
		if w.to-w.from+1 > firstWindow {
			k.ahead = k.ask()
		}
		<-w.done
		if errors.Is(w.err, errTooMuch) { // what is being read ahead comes again
			if k.ahead != nil {
				<-k.ahead.done
			}
			k.high, k.size, k.ahead = w.to, max(maxWindow, (w.to-w.from+1)/64), nil
			continue
		}
		k.size = nextSize(w.to-w.from+1, w.seen)
		return w
	}
}

// ask begins to read a window.
func (k *walk) ask() *window {
	if k.high < k.low {
		return nil
	}
	w := &window{log: k.log, from: k.low, to: k.high, match: k.match, sieve: k.sieve, done: make(chan struct{})}
	if k.high-k.low >= k.size {
		w.from = k.high - k.size + 1
	}
	k.high = w.from - 1
	go func() {
		defer close(w.done)
		holds := true
		if w.sieve != nil {
			holds, w.err = w.sift(k.ctx)
		}
		if holds && w.err == nil {
			w.seen = 0
			w.err = w.read(k.ctx)
		}
	}()
	return w
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

// window is a range of sequences that is read at once.
type window struct {
	log      *history.Log
	from, to uint64
	match    func(nats.Header) bool
	sieve    *sieve
	done     chan struct{} // closed when it is read

	entries []*Entry // those that match, oldest first
	seen    uint64   // all that are there
	err     error
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
