package claim

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// lane carries out together what many ask at the same moment: while one batch is on its way the next one gathers, and who
// comes to an empty lane waits for nobody. The longer the way the larger the batches. A batch that is away for long, as on
// a connection that has died, is overtaken.
type lane[T any] struct {
	most     int // in a batch
	carryOut func(context.Context, []T)
	patience time.Duration // how long a batch is away before it may be overtaken

	mu         sync.Mutex
	waiting    []T
	away, late int // batches; late are those that may be overtaken
}

const (
	// lanePatience is much longer than Redis takes for a batch.
	lanePatience = 100 * time.Millisecond
	// laneWidth is how many batches are away at the most, where each was late in turn.
	laneWidth = 8
	// laneTimeout ends a batch, if the client's own timeouts do not: whether it was carried out nobody knows then.
	laneTimeout = 5 * time.Second
)

func newLane[T any](most int, carryOut func(context.Context, []T)) *lane[T] {
	return &lane[T]{most: most, carryOut: carryOut, patience: lanePatience}
}

// add puts something on the lane and returns at once.
func (l *lane[T]) add(x T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, x)
	l.start()
}

// start lets a batch go, unless one is away that is not late. The caller holds the lock.
func (l *lane[T]) start() {
	if len(l.waiting) > 0 && l.away == l.late && l.away < laneWidth {
		l.away++
		go l.run(l.next())
	}
}

// next takes the next batch. The caller holds the lock.
func (l *lane[T]) next() []T {
	n := min(len(l.waiting), l.most)
	batch := l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil // or what was carried out would stay in memory
	}
	return batch
}

// run carries out one batch after the other, as long as it is not overtaken and somebody waits.
func (l *lane[T]) run(batch []T) {
	for len(batch) > 0 {
		batch = l.one(batch)
	}
}

// one carries a batch out and takes the next, if there is one.
func (l *lane[T]) one(batch []T) []T {
	over, late := false, false
	watch := time.AfterFunc(l.patience, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !over {
			late = true
			l.late++
			l.start()
		}
	})
	defer watch.Stop()
	// On behalf of all: the end of one's context is not that of the others.
	ctx, cancel := context.WithTimeout(context.Background(), laneTimeout)
	defer cancel()
	l.carryOut(ctx, batch)

	l.mu.Lock()
	defer l.mu.Unlock()
	over = true
	if late {
		l.late--
	}
	if len(l.waiting) > 0 && l.away-l.late == 1 {
		return l.next()
	}
	l.away-- // nobody waits, or another is on its way
	return nil
}

// recovered turns a panic into an error for all of a batch. It is to be deferred.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %T", r)
	}
}
