package worker

import "time"

// spread keeps calls from ending in waves. Calls that begin together end together, and so do those that take their slots:
// where each takes as long as the other, this goes on for ever, and a session that comes behind a wave waits for the whole
// of the next one. After a gap of that kind the invoices of one wave begin evenly spread, which fills the gap. That costs
// as much as the gap, once, so small gaps are filled only where sessions are asked for.
type spread struct {
	slots   int
	begun   []time.Time   // of the calls under way, the earliest first
	took    time.Duration // a call, the mean of the latest
	last    time.Time     // when the last one began
	session time.Time     // when the last session came
	due     time.Time     // when the next invoice may begin, while they are spread
	until   time.Time     // as long as they are
}

const (
	// grain is how long invoices wait for each other while they are spread: work for several at once costs less.
	grain = 8 * time.Millisecond
	// smallGap is the least gap between two calls' beginnings that is worth filling.
	smallGap = 20 * time.Millisecond
	// sparse is how many mean distances apart the beginnings of calls may be that come as they come.
	sparse = 6
	// sessionsLately is how long after a session more are expected.
	sessionsLately = 10 * time.Minute
)

// distance is how far apart calls begin that fill all slots evenly.
func (s *spread) distance() time.Duration { return s.took / time.Duration(s.slots) }

// gap is the least gap that is filled.
func (s *spread) gap(now time.Time) time.Duration {
	least := max(smallGap, sparse*s.distance())
	if !s.sessionsExpected(now) {
		return max(least, s.took/4)
	}
	return least
}

func (s *spread) sessionsExpected(now time.Time) bool { return now.Sub(s.session) <= sessionsLately }

func (s *spread) began(now time.Time) {
	// After a gap of more than a call's time all slots were idle, and there was no wave.
	if gap := now.Sub(s.last); gap < 2*s.took && gap > s.gap(now) {
		s.due, s.until = now, now.Add(s.took)
	}
	s.due = s.due.Add(s.distance())
	s.last = now
	s.begun = append(s.begun, now)
}

// ended notes that a call is over. Which one it was makes no difference to the mean.
func (s *spread) ended(now time.Time) {
	took := now.Sub(s.begun[0])
	s.begun = append(s.begun[:0], s.begun[1:]...)
	if s.took == 0 {
		s.took = took
	}
	s.took += (took - s.took) / 8
}

// wait is how long the next invoice is to wait.
func (s *spread) wait(now time.Time) time.Duration {
	if !now.Before(s.until) || !now.Before(s.due) {
		return 0
	}
	return s.due.Sub(now) + grain
}
