package story

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
)

// Outcome is a verdict in a word.
type Outcome string

// The outcomes. Where several hold, the first of them is the story's.
const (
	OutcomeTwice   Outcome = "told_twice" // the same link.created is in its stream more than once
	OutcomeInWork  Outcome = "in_work"    // the link, or a session, is being made or waits for its next attempt
	OutcomeWaiting Outcome = "waiting"    // no worker has come to the event yet
	OutcomeDead    Outcome = "dead"       // a dead letter is open
	OutcomeTold    Outcome = "told"       // all that was asked for was made and told of
	OutcomeFreed   Outcome = "freed"      // all dead letters are gone, and nothing was made
	OutcomeUnclear Outcome = "unclear"    // there was an event; what became of it is not known
	OutcomeNever   Outcome = "never_seen"
)

// Verdict sums a story up.
type Verdict struct {
	Outcome Outcome `json:"verdict"`
	Text    string  `json:"text"`
}

// judging gathers what the verdict says.
type judging struct {
	outcomes []Outcome
	texts    []string
}

func (j *judging) say(o Outcome, text string) {
	j.outcomes = append(j.outcomes, o)
	j.texts = append(j.texts, text)
}

var precedence = []Outcome{OutcomeTwice, OutcomeInWork, OutcomeWaiting, OutcomeDead, OutcomeTold, OutcomeFreed, OutcomeUnclear, OutcomeNever}

// judge sums up the facts, which are in order.
func (t *telling) judge() Verdict {
	j := &judging{}
	t.judgeLinks(j)
	t.judgeSessions(j)
	t.judgeWaiting(j)
	t.judgeLetters(j)
	if len(j.outcomes) == 0 {
		t.judgeNothing(j)
	}
	v := Verdict{Text: strings.Join(j.texts, "; ")}
	for _, o := range slices.Backward(precedence) {
		if slices.Contains(j.outcomes, o) {
			v.Outcome = o
		}
	}
	return v
}

// told counts link.created of a kind, by id.
func (t *telling) told(kind events.Kind) map[string]int {
	n := map[string]int{}
	for _, f := range t.story.Facts {
		if f.What == WhatCreated && f.Kind == kind {
			n[f.ID]++
		}
	}
	return n
}

func (t *telling) judgeLinks(j *judging) {
	for id, n := range t.told(events.KindPaymentLink) {
		if n > 1 {
			j.say(OutcomeTwice, fmt.Sprintf("one link, told %d times, each with the ce-id %s, which notifiers keep as a unique key", n, id))
		} else {
			j.say(OutcomeTold, "one link, told once")
		}
	}
	if t.memory == nil || t.memory.Link == nil {
		return
	}
	if r := t.memory.Link; r.State != "published" {
		t.judgeWork(j, r)
	} else if len(j.outcomes) == 0 {
		j.say(OutcomeTold, "one link, told once, as Redis says; its link.created was not found")
	}
}

// judgeWork says how work stands that has not ended.
func (t *telling) judgeWork(j *judging, r *claim.Record) {
	text := of(r.Identity)
	switch {
	case r.State == "recorded" && r.Event == "":
		j.say(OutcomeInWork, text+" is made and was never told of, and its event is dead: a replay of that tells of it")
		return
	case r.State == "recorded":
		text += " is made and not yet told of"
	default:
		text += " is in work"
	}
	switch {
	case r.AtWork:
		text += ", a worker is at it"
	case r.Due.After(t.memory.Now):
		text += ", next attempt at " + r.Due.UTC().Format(time.RFC3339)
	default:
		text += ", and goes on when NATS delivers its event again; is a worker running?"
	}
	j.say(OutcomeInWork, text)
}

func (t *telling) judgeSessions(j *judging) {
	told, twice := t.told(events.KindCheckoutSession), 0
	for _, n := range told {
		if n > 1 {
			twice++
		}
	}
	n := len(told)
	if t.memory != nil {
		published := 0
		for i := range t.memory.Sessions {
			if r := &t.memory.Sessions[i]; r.State == "published" {
				published++
			} else {
				t.judgeWork(j, r)
			}
		}
		n = max(n, published)
	}
	switch {
	case twice > 0:
		j.say(OutcomeTwice, fmt.Sprintf("%s, %d of them told more than once", count(n, "session"), twice))
	case n == 1:
		j.say(OutcomeTold, "one session, told once")
	case n > 1:
		j.say(OutcomeTold, count(n, "session")+", each told once")
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// judgeWaiting tells of events that no worker has come to.
func (t *telling) judgeWaiting(j *judging) {
	for _, f := range t.story.Facts {
		if f.Place != PlaceBilling || f.Sequence == 0 || t.recalled(f.Event) {
			continue
		}
		if p := t.queue[f.Subject]; p != nil && f.Sequence > p.delivered {
			j.say(OutcomeWaiting, fmt.Sprintf("%s %d waits: no worker has taken it in yet, %d messages of the stream are before it",
				f.Stream, f.Sequence, f.Sequence-p.delivered-1))
		}
	}
}

func (t *telling) recalled(event string) bool {
	return t.memory != nil && slices.ContainsFunc(t.memory.Events, func(e claim.Seen) bool { return e.Event == event })
}

func (t *telling) judgeLetters(j *judging) {
	gone := 0
	for _, f := range t.story.Facts {
		switch {
		case f.What == WhatDying:
			j.say(OutcomeDead, "an event is about to end as a dead letter: "+reasonOf(&f))
		case f.What == WhatLetter && f.Open:
			j.say(OutcomeDead, "dead letter "+f.DeadLetter+" is open: "+reasonOf(&f))
		case f.What == WhatLetter:
			gone++
		}
	}
	if gone > 0 && len(j.outcomes) == 0 {
		text := "nothing was made, and each event ended as a dead letter"
		if t.read(PlaceDeadLetters) {
			j.say(OutcomeFreed, text+" that was discarded, replayed without an end yet, or corrected to another token")
		} else {
			j.say(OutcomeDead, text)
		}
	}
}

// judgeNothing is for a token of which no outcome is known.
func (t *telling) judgeNothing(j *judging) {
	where := ""
	if !t.story.Since.IsZero() {
		where = ", searched since " + t.story.Since.UTC().Format(time.RFC3339)
	}
	open := t.first(func(f *Fact) bool {
		p := t.queue[f.Subject]
		return f.Place == PlaceBilling && p != nil && f.Sequence > p.floor
	})
	switch {
	case open != nil:
		j.say(OutcomeInWork, fmt.Sprintf("%s %d was taken in by a worker and may be in work: not all that was taken in before it has ended", open.Stream, open.Sequence))
	case len(t.story.Facts) > 0:
		j.say(OutcomeUnclear, "there was an event, and nothing says what became of it"+where)
	case len(t.story.Read) == 0:
		j.say(OutcomeUnclear, "nothing could be read")
	case slices.ContainsFunc(t.story.Gaps, func(g Gap) bool { return g.Place != PlaceVendor }): // who has no search by token
		j.say(OutcomeNever, "never seen in what could be read"+where)
	default:
		j.say(OutcomeNever, "never seen"+where)
	}
}
