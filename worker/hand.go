package worker

import (
	"context"
	"sync"
)

// hand is a goroutine of the crew. It keeps its context from delivery to delivery as long as nothing has ended it: one for
// each would be entered with the context of all the work, and struck out again, under a lock that all hands share.
type hand struct {
	mu     sync.Mutex
	work   *delivery // nil: none
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// begin takes up a delivery. Its context ends when the parent does, and by stop.
func (h *hand) begin(parent context.Context, d *delivery) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil || h.ctx.Err() != nil {
		h.ctx, h.cancel = context.WithCancelCause(parent)
	}
	h.work = d
	return h.ctx
}

// end puts the delivery down. Unless clean, something that was begun for it may still be about, and the context ends.
func (h *hand) end(clean bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.work = nil
	if !clean && h.cancel != nil {
		h.cancel(nil)
	}
}

// stop ends the work on the delivery, if it is still the one at hand.
func (h *hand) stop(d *delivery, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.work == d {
		h.cancel(cause)
	}
}
