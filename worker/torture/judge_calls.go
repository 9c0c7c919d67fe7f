package torture

import (
	"slices"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
)

// excuses are the faults after which a worker may ask the vendor for what is told of already: it stood still, or was alone,
// past its lease while another took over, or nobody remembered.
var excuses = []Fault{Stop, Flush, Redis, Cut, Slow}

// afterEffect is how long it takes until all goes again as it did before a fault.
const afterEffect = time.Second

// excused reports whether such a fault lay in the time between two moments, or so shortly before that it still had an effect.
func (j *judge) excused(from, to time.Time) bool {
	return slices.ContainsFunc(j.strikes, func(s Struck) bool {
		end := s.Ended
		if end.IsZero() {
			end = to
		}
		return slices.Contains(excuses, s.Fault) && s.Begun.Before(to) && end.Add(afterEffect).After(from)
	})
}

// forgot reports whether Redis was made to forget between two moments.
func (j *judge) forgot(from, to time.Time) bool {
	return slices.ContainsFunc(j.strikes, func(s Struck) bool {
		return s.Forgets && s.Ended.After(from) && s.Begun.Before(to)
	})
}

// idleCalls looks for calls about what was told of before. The vendor refuses a second link, but not a second session, and
// each call costs a payer time: the record in Redis is to spare them.
func (j *judge) idleCalls() {
	idle := j.invariant(noCall)
	seen := map[string]bool{}
	for _, a := range j.asked {
		id := a.resultID()
		told := j.created[id]
		if id == "" || seen[id] || len(told) == 0 {
			continue
		}
		seen[id] = true
		idle.checked++
		if a.invoiceLike() {
			j.idleCreates(idle, a, told[0])
		} else {
			j.idleSessions(idle, a, told[0])
		}
	}
}

func (j *judge) idleCreates(idle *invariant, a *asked, told *notice) {
	var before *conomytest.Request
	for _, r := range j.calls[a.token] {
		if r.Endpoint != conomytest.EndpointCreatePaymentLink {
			continue
		}
		switch {
		case r.Time.After(told.stored) && !j.excused(a.stored, r.Time):
			idle.breaks(j, a, "the vendor was asked for the link again %v after link.created", r.Time.Sub(told.stored))
		case before != nil && r.Time.Before(before.Ended) && before.Status != 0 && r.Status != 0 && !j.excused(a.stored, r.Time):
			idle.breaks(j, a, "the vendor was asked for the link twice at once")
		}
		before = r
	}
}

func (j *judge) idleSessions(idle *invariant, a *asked, told *notice) {
	for _, s := range j.sessions[a.token] {
		if emailOf(s.Customer) == a.email && s.CreatedAt.After(told.stored) && !j.excused(a.stored, s.CreatedAt) {
			idle.breaks(j, a, "another session for the same request, %s, was made %v after link.created", s.ID, s.CreatedAt.Sub(told.stored))
		}
	}
}
