package worker

import (
	"context"
	"sync"
)

// window bounds what a receiver has asked for and what it has in work, by number and by bytes. An event takes its place
// when it is asked for and frees it when it is settled or goes to sleep.
type window struct {
	size, byteSize int
	freed          chan struct{} // told, without waiting, when a place comes free

	mu          sync.Mutex
	free, bytes int
}

func newWindow(size, bytes int) *window {
	return &window{size: size, byteSize: bytes, free: size, bytes: bytes, freed: make(chan struct{}, 1)}
}

// reserve waits until at least a third of the places are free and takes all that are, so that requests to the server are
// few and yet several overlap: what is processed is replaced before the server's next answer is needed. floor is the
// least number of bytes that is worth asking for.
func (w *window) reserve(ctx context.Context, floor int) (places, bytes int, err error) {
	for {
		w.mu.Lock()
		if w.free >= (w.size+2)/3 {
			places, bytes = w.free, max(floor, w.bytes)
			w.free -= places
			w.bytes -= bytes
			w.mu.Unlock()
			return places, bytes, nil
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		case <-w.freed:
		}
	}
}

// giveBack frees places and bytes.
func (w *window) giveBack(places, bytes int) {
	w.mu.Lock()
	w.free += places
	w.bytes += bytes
	w.mu.Unlock()
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

// place is one event's place in a window.
type place struct {
	window *window
	bytes  int
	once   sync.Once
}

// free gives the place back, once.
func (p *place) free() { p.once.Do(func() { p.window.giveBack(1, p.bytes) }) }
