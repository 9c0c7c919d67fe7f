package worker

import (
	"context"
	"sync"
	"time"
)

// startForgetful starts a worker and returns what puts Redis back to where it was when an event reached the step: a failover that
// has forgotten what came after.
func (w *world) startForgetful(at step, key string) (r *running, forget func()) {
	var mu sync.Mutex
	var known string
	var until time.Time // it would have lived
	r = w.start(func(r *running) {
		before := r.reached
		r.reached = func(d *delivery, s step) {
			if s == at {
				mu.Lock()
				known = w.rdb.Get(context.Background(), key).Val()
				until = time.Now().Add(w.rdb.PTTL(context.Background(), key).Val())
				mu.Unlock()
			}
			before(d, s)
		}
	})
	return r, func() {
		w.t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if known == "" {
			w.t.Fatalf("nothing was known of %s", key)
		}
		w.must(w.rdb.Set(context.Background(), key, known, time.Until(until)).Err())
	}
}
