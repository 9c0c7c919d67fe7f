package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/linkworker/linkworker/worker/rights"
)

// lacks are the rights that a worker was refused on its connection. It cannot know them beforehand: the server tells of
// one only when it is used. So the worker is not ready from then on, and goes on with what it may do.
type lacks struct {
	log *slog.Logger

	mu  sync.Mutex
	met []string
}

// note tells of a missing right, once.
func (l *lacks) note(missing *rights.Missing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.Contains(l.met, missing.Right()) {
		return
	}
	l.met = append(l.met, missing.Right())
	l.log.Error("a right is missing on the NATS server", "right", missing.Right(), "mend", mendOfRight(missing))
}

// forget is for a new connection: what was refused may have been granted.
func (l *lacks) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.met = nil
}

// err is nil where none is missing.
func (l *lacks) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var faults []error
	for _, right := range l.met {
		faults = append(faults, fmt.Errorf("nats: no right to %s", right))
	}
	return errors.Join(faults...)
}
