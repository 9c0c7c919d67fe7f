package worker

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
)

// reconnects tells those who wait for an answer of the NATS server that the connection is a new one.
type reconnects struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait returns a channel that is closed at the next reconnect.
func (r *reconnects) wait() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = make(chan struct{})
	}
	return r.next
}

// watch follows the connection until ctx ends.
func (r *reconnects) watch(ctx context.Context, nc *nats.Conn) {
	changed := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(changed)
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-changed:
			if !open {
				return
			}
			r.mu.Lock()
			if r.next != nil {
				close(r.next)
				r.next = nil
			}
			r.mu.Unlock()
		}
	}
}
