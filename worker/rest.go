package worker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/linkworker/linkworker/worker/claim"
)

// maxSleepers bounds how many events sleep in the process at once; more are given back to their stream.
const maxSleepers = 1024

// maxSleeperBytes bounds how many bytes of messages sleep in the process at once.
const maxSleeperBytes = 16 << 20

// sleepers counts the events that rest between two attempts inside the process. They hold neither a call slot nor a place
// in the receiver's window.
type sleepers struct{ count, bytes atomic.Int64 }

func (s *sleepers) enter(size int) bool {
	count, bytes := s.count.Add(1), s.bytes.Add(int64(size))
	if count > maxSleepers || bytes > maxSleeperBytes {
		s.leave(size)
		return false
	}
	return true
}

func (s *sleepers) leave(size int) {
	s.count.Add(-1)
	s.bytes.Add(-int64(size))
}

// rest waits for delay between two attempts. A short rest is spent here, without a call slot; a longer one, or one that
// finds no room, is spent in the stream: the attempts and the time stay with the claim. A pause ends a rest at once, and
// the event is given back.
func (w *Worker) rest(ctx context.Context, d *delivery, c *claim.Claim, delay time.Duration) error {
	size := len(d.msg.Data)
	here := delay <= w.streams.ackWait(d.msg.Subject) && w.sleepers.enter(size)
	if here {
		defer w.sleepers.leave(size)
	}
	if err := w.writeDown(ctx, d, c, delay, here); err != nil {
		return err
	}
	if !here {
		return &laterError{delay: delay, why: "rests before its next attempt"}
	}
	d.place.free()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-w.gate.closed():
		return w.pausedErr()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
