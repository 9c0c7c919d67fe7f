package torture

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

// lettersAgree holds letters against link.failed and what was published.
func (j *judge) lettersAgree() {
	one := j.invariant(oneLetter)
	for _, letters := range j.letters {
		slices.SortFunc(letters, func(a, b *letter) int { return a.stored.Compare(b.stored) })
	}
	known, knownFailed := map[string]bool{}, map[string]bool{}
	for _, a := range j.asked {
		known[a.name], knownFailed[events.LinkFailedID(a.name)] = true, true
		failures, letters := j.failures(a), j.letters[a.name]
		one.checked++
		switch {
		case len(failures) == 1 && len(letters) == 2 && j.forgot(letters[0].stored, letters[1].stored):
			one.forgotten++ // the first one was replayed, and so is known to its stream no more
		case j.reborn(a):
			one.forgotten++
		case len(failures) > 1 || len(letters) > 1 || len(failures) != len(letters):
			one.breaks(j, a, "event %d (%s) has %d dead letters and %d link.failed", a.number, a.class, len(letters), len(failures))
		case len(letters) == 1:
			for _, fault := range agreement(a, letters[0], failures[0]) {
				one.breaks(j, a, "dead letter %d of event %d (%s): %s", letters[0].sequence, a.number, a.class, fault)
			}
		}
	}
	for name, letters := range j.letters {
		if !known[name] {
			one.breaks(j, nil, "dead letter %d is of an event %s that nobody published", letters[0].sequence, name)
		}
	}
	for id, failures := range j.failed {
		if !knownFailed[id] {
			one.breaks(j, nil, "message %d of LINKS, %s, is of an event that nobody published", failures[0].sequence, id)
		}
	}
}

// agreement is where a letter differs from its event and its link.failed.
func agreement(a *asked, l *letter, n *notice) (faults []string) {
	check := func(ok bool, what string) {
		if !ok {
			faults = append(faults, what)
		}
	}
	f := n.Failed
	check(bytes.Equal(l.Data, a.data), "its body is not the event's")
	check(f.DeadLetter == strconv.FormatUint(l.sequence, 10), "link.failed names dead letter "+f.DeadLetter)
	check(f.Reason == string(l.Reason), "link.failed says "+f.Reason+", the letter "+string(l.Reason))
	check(f.CheckoutToken == l.Token, "link.failed and the letter differ in the token")
	check(a.class == Unreadable || l.Token == a.token, "its token is not the event's")
	check(l.Sequence == a.sequence, "it names message "+strconv.FormatUint(l.Sequence, 10)+" of "+l.Stream)
	for name, values := range a.header {
		if a.replays == 0 && name != nats.MsgIdHdr {
			check(slices.Equal(l.Header[name], values), "its header "+name+" is not the event's")
		}
	}
	return faults
}
