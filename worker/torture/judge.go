package torture

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// Invariant is a part of the promise, and how it has held.
type Invariant struct {
	Name    string `json:"name"`
	Checked int    `json:"checked"`
	Broken  int    `json:"broken"`
	// Forgotten are cases that a Redis that forgets explains: the event had died, Redis forgot that, and a delivery that
	// came once more was worked on like a new one.
	Forgotten int `json:"explainedByForgetting"`
	// Examples are the first counter-examples, each with all that is known of it.
	Examples []Example `json:"examples,omitempty"`
}

// judge holds what was found against what was published.
type judge struct {
	*found
	published  []*event
	strikes    []Struck
	invariants []*invariant
}

// invariant is one that is being checked.
type invariant struct {
	name      string
	checked   int
	forgotten int
	examples  []*counter
}

// counter is a counter-example: what is wrong, with which token.
type counter struct {
	what  string
	token string
	names map[string]bool // of the tries of events that belong to it
}

func (j *judge) invariant(name string) *invariant {
	i := &invariant{name: name}
	j.invariants = append(j.invariants, i)
	return i
}

// breaks notes a counter-example with all events of a token.
func (i *invariant) breaks(j *judge, a *asked, format string, args ...any) {
	c := &counter{what: fmt.Sprintf(format, args...), names: map[string]bool{}}
	if a != nil {
		c.token = a.token
		for _, other := range j.byToken[a.token] {
			c.names[other.name] = true
		}
	}
	i.examples = append(i.examples, c)
}

// The names of the invariants, as they are printed.
const (
	everyOutcome = "every event has exactly one outcome"
	rightOutcome = "it is the outcome that the event must have"
	oneLink      = "one link per checkoutToken at the vendor"
	oneTold      = "one link.created per link and per session request"
	noneUnmade   = "no link.created without its link or session"
	rightData    = "each link.created says what the vendor made and the event asked"
	oneLetter    = "one dead letter and one link.failed per failed event, which agree"
	nothingLeft  = "nothing is left pending"
	noCall       = "what is told of makes no call, save after a fault that explains it"
	workersStay  = "no worker ends by itself, and each ends when asked"
)

func (j *judge) all(stuck, accidents error) {
	j.outcomes()
	j.vendors()
	j.notices()
	j.lettersAgree()
	left := j.invariant(nothingLeft)
	left.checked = len(j.asked)
	if stuck != nil {
		left.breaks(j, nil, "%v", stuck)
	}
	j.idleCalls()
	stay := j.invariant(workersStay)
	stay.checked = 1
	if accidents != nil {
		stay.breaks(j, nil, "%v", accidents)
	}
}

// outcomes counts the outcome of each event.
func (j *judge) outcomes() {
	every, right := j.invariant(everyOutcome), j.invariant(rightOutcome)
	for _, tries := range j.byEvent {
		slices.SortFunc(tries, func(a, b *asked) int { return cmp.Compare(a.sequence, b.sequence) })
	}
	for _, e := range j.published {
		if len(j.byEvent[e]) == 0 && e.class != Replay {
			every.breaks(j, nil, "event %d (%s) was acknowledged by BILLING, and is not there", e.number, e.class)
		}
	}
	for _, a := range j.asked {
		every.checked++
		right.checked++
		reasons := j.deaths(a)
		created := j.created[a.resultID()]
		caused := slices.ContainsFunc(created, func(n *notice) bool { return n.Created.CausationID == a.cause })
		want := j.wanted(a)
		switch {
		case len(reasons) > 1:
			every.breaks(j, a, "event %d (%s) died %d times: %v", a.number, a.class, len(reasons), reasons)
		case len(reasons) == 1 && caused && j.last(a) && j.forgot(j.failures(a)[0].stored, created[0].stored):
			every.forgotten++
		case len(reasons) == 1 && caused && j.last(a):
			every.breaks(j, a, "event %d (%s) has a link.created and a dead letter, %s", a.number, a.class, reasons[0])
		case len(reasons) == 0 && !j.last(a) && j.reborn(a):
			every.forgotten++
		case len(reasons) == 0 && !j.last(a):
			every.breaks(j, a, "event %d (%s) was replayed, and has no link.failed", a.number, a.class)
		case len(reasons) == 0 && want != "":
			every.breaks(j, a, "event %d (%s) has no outcome: it should have died as %s", a.number, a.class, want)
		case len(reasons) == 0 && len(created) == 0:
			every.breaks(j, a, "event %d (%s) has no outcome: no link.created, no dead letter", a.number, a.class)
		case len(reasons) == 1 && reasons[0] != want && reasons[0] != deadletter.ReasonExhausted:
			right.breaks(j, a, "event %d (%s) died as %s, and should have %s", a.number, a.class, reasons[0], orLink(want))
		}
	}
}

// reborn says that a try had its dead letter, not yet its link.failed, when Redis forgot that, and was worked on like a new
// one: it got its link.
func (j *judge) reborn(a *asked) bool {
	letters := j.letters[a.name]
	return len(letters) == 1 && len(j.failures(a)) == 0 && slices.ContainsFunc(j.created[a.resultID()], func(n *notice) bool {
		return n.Created.CausationID == a.cause && j.forgot(letters[0].stored, n.stored)
	})
}

// last says that a try of an event is the last one.
func (j *judge) last(a *asked) bool {
	tries := j.byEvent[a.event]
	return tries[len(tries)-1] == a
}

// deaths are the reasons for which a try of an event died.
func (j *judge) deaths(a *asked) (reasons []deadletter.Reason) {
	for _, n := range j.failures(a) {
		reasons = append(reasons, deadletter.Reason(n.Failed.Reason))
	}
	return reasons
}

func orLink(want deadletter.Reason) string {
	if want == "" {
		return "a link"
	}
	return "died as " + string(want)
}

// paysFor reports whether a link is for the event's amount.
func (e *event) paysFor(link *conomytest.Link) bool {
	is, err1 := events.Amount(link.TotalAmount).Decimal()
	should, err2 := e.amount.Decimal()
	return err1 == nil && err2 == nil && is.Equal(should)
}

// wanted is the reason for which an event must die; "" for one that must have its link. The vendor may be too often away for
// any event: exhausted is always right.
func (j *judge) wanted(a *asked) deadletter.Reason {
	link := j.links[a.token]
	switch {
	case a.class == Invalid, a.class == Unreadable:
		return deadletter.ReasonInvalidEvent
	case a.class == RefusedOnce && (link == nil || slices.Contains(j.deaths(a), deadletter.ReasonRejected)):
		return deadletter.ReasonRejected // also after an answer was lost with the link made
	case a.class == Refused:
		return deadletter.ReasonRejected
	case a.sessionLike():
		if link == nil {
			return deadletter.ReasonRejected
		}
		return ""
	case a.class == TakenExpired:
		return deadletter.ReasonConflict
	case link == nil: // nothing was made for it
		return deadletter.ReasonExhausted
	case !a.paysFor(link):
		return deadletter.ReasonConflict
	}
	return ""
}
