package conomytest

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// Statuses of links.
const (
	StatusAttempt    = "ATTEMPT"
	StatusActive     = "ACTIVE"
	StatusExpired    = "EXPIRED"
	StatusFinished   = "FINISHED"
	StatusProcessing = "PROCESSING_PAYMENT"
)

const (
	linkPrefix    = "plink-"
	sessionPrefix = "csess-"
)

// link is a payment link as it is kept: small, since a load test makes many.
type link struct {
	number    int
	status    string // but for expiry, which statusAt adds
	createdAt time.Time
	since     time.Time // what its duration counts from
	duration  time.Duration
	token     string
	owner     string
	email     string
	accounts  []string
	sessions  int
	request   []byte // the fields of the create that are known, as JSON
}

func (l *link) id() string { return linkPrefix + strconv.Itoa(l.number) }

func (l *link) expiresAt() time.Time { return l.since.Add(l.duration) }

func (l *link) statusAt(now time.Time) string {
	if (l.status == StatusActive || l.status == StatusAttempt) && !now.Before(l.expiresAt()) {
		return StatusExpired
	}
	return l.status
}

// session is a checkout session as it is kept.
type session struct {
	number               int
	link                 int
	token                string
	createdAt, expiresAt time.Time
	customer             []byte
}

func (s *session) id() string { return sessionPrefix + strconv.Itoa(s.number) }

// store holds links and sessions in the order of their making.
type store struct {
	keep int

	mu       sync.Mutex
	links    series[link]
	sessions series[session]
	byToken  map[string]*link
}

func newStore(keep int) store {
	return store{keep: keep, byToken: map[string]*link{}}
}

// linkByID returns nil where there is none. st.mu is held.
func (st *store) linkByID(id string) *link {
	digits, ok := strings.CutPrefix(id, linkPrefix)
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || strconv.Itoa(n) != digits {
		return nil
	}
	return st.links.at(n)
}

// add keeps a new link. st.mu is held.
func (st *store) add(l *link) {
	l.number = st.links.push(l)
	st.byToken[l.token] = l
	for st.keep > 0 && st.links.len() > st.keep {
		st.forget(st.links.shift())
	}
}

// forget drops what points at a link. st.mu is held.
func (st *store) forget(l *link) {
	if l != nil && st.byToken[l.token] == l {
		delete(st.byToken, l.token)
	}
}

// remove deletes a link. st.mu is held.
func (st *store) remove(l *link) {
	st.links.clear(l.number)
	st.forget(l)
}

// series numbers its elements from 1 on. Numbers are never used again.
type series[T any] struct {
	first int // number of items[0], less one
	items []*T
}

func (s *series[T]) push(item *T) (number int) {
	s.items = append(s.items, item)
	return s.first + len(s.items)
}

// shift forgets the oldest element, which may be nil when it was cleared.
func (s *series[T]) shift() *T {
	oldest := s.items[0]
	s.items[0] = nil
	s.items = s.items[1:]
	s.first++
	return oldest
}

func (s *series[T]) at(number int) *T {
	if i := number - s.first - 1; i >= 0 && i < len(s.items) {
		return s.items[i]
	}
	return nil
}

func (s *series[T]) clear(number int) { s.items[number-s.first-1] = nil }

func (s *series[T]) len() int { return len(s.items) }
