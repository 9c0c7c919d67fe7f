package events

import (
	"context"
	"sync"
)

// Seen is a notifier's memory of what it has told already. Ids are those of the
// events: at most some hundred bytes of printable ASCII.
//
// A real one is a database table with a unique key on the id:
//
//	CREATE TABLE notified (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
//	-- Seen: SELECT 1 FROM notified WHERE id = $1
//	-- Mark: INSERT INTO notified (id) VALUES ($1) ON CONFLICT DO NOTHING
//
// Keep an id at least as long as the stream keeps the event, 30 days as the worker
// makes it.
type Seen interface {
	// Seen says whether the id is marked.
	Seen(ctx context.Context, id string) (bool, error)
	// Mark remembers the id; to mark it again is no error.
	Mark(ctx context.Context, id string) error
}

// MemorySeen is a [Seen] in memory, for tests and for notifiers that may repeat
// themselves after a restart. Its zero value is not usable, see [NewMemorySeen].
type MemorySeen struct {
	mu   sync.Mutex
	ids  map[string]bool
	ring []string // the marked ids; next is the oldest once it is full
	next int
}

// NewMemorySeen makes a memory of the last size ids, at least one.
func NewMemorySeen(size int) *MemorySeen {
	return &MemorySeen{ids: map[string]bool{}, ring: make([]string, 0, max(1, size))}
}

// Seen says whether the id is among the last ones marked.
func (m *MemorySeen) Seen(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ids[id], nil
}

// Mark remembers the id and forgets the oldest where there is no room.
func (m *MemorySeen) Mark(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ids[id] {
		return nil
	}
	m.ids[id] = true
	if len(m.ring) < cap(m.ring) {
		m.ring = append(m.ring, id)
		return nil
	}
	delete(m.ids, m.ring[m.next])
	m.ring[m.next] = id
	m.next = (m.next + 1) % len(m.ring)
	return nil
}
