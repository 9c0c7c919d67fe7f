package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/linkworker/linkworker/worker/rights"
)

// lackLasts is how long a worker is not ready after it was refused something. What it needs it tries again sooner, and
// the server says nothing when a right is granted.
const lackLasts = time.Minute

// lacks are the rights that a worker was refused on its connection. It cannot know them beforehand: the server tells of
// one only when it is used. So the worker goes on with what it may do, and is not ready.
type lacks struct {
	log   *slog.Logger
	lasts time.Duration

	mu  sync.Mutex
	met map[string]time.Time // when each was refused last
}

func newLacks(log *slog.Logger) *lacks {
	return &lacks{log: log, lasts: lackLasts, met: map[string]time.Time{}}
}

// note tells of a missing right, once as long as it lasts.
func (l *lacks) note(missing *rights.Missing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	right := missing.Right()
	if _, known := l.met[right]; !known {
		l.log.Error("a right is missing on the NATS server", "right", right, "mend", mendOfRight(missing))
	}
	l.met[right] = time.Now()
}

func (l *lacks) forget() {
	maps.DeleteFunc(l.met, func(_ string, last time.Time) bool { return time.Since(last) > l.lasts })
}

// err is nil where none is missing.
func (l *lacks) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	var faults []error
	for _, right := range slices.Sorted(maps.Keys(l.met)) {
		faults = append(faults, fmt.Errorf("nats: no right to %s", right))
	}
	return errors.Join(faults...)
}
