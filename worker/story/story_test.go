package story

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
)

var noon = time.Date(2026, 5, 18, 12, 0, 0, 0, time.UTC)

func TestOrder(t *testing.T) {
	at := func(d time.Duration, what What) Fact { return Fact{Time: noon.Add(d), What: what} }
	t1 := &telling{story: &Story{
		Facts: []Fact{
			{What: WhatUnknown}, at(5*time.Microsecond, WhatRecorded), at(time.Minute, WhatArrived), at(0, WhatCreated),
			at(800*time.Microsecond, WhatMade), at(-time.Second, WhatDue), at(900*time.Microsecond, WhatArrived), {What: WhatArrived},
		},
		Read: []Place{PlaceLinks, PlaceRedis, PlaceBilling},
	}}
	t1.order()
	var got []string
	for _, f := range t1.story.Facts {
		got = append(got, string(f.What))
	}
	if want := "due arrived made recorded link_created arrived arrived unknown_link"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if fmt.Sprint(t1.story.Read) != "[billing redis links]" {
		t.Errorf("read %v", t1.story.Read)
	}
}

func TestVerdicts(t *testing.T) {
	created := func(id string, kind events.Kind) Fact {
		return Fact{Place: PlaceLinks, What: WhatCreated, Kind: kind, ID: id}
	}
	link, session := created("l", events.KindPaymentLink), created("s", events.KindCheckoutSession)
	letter := Fact{Place: PlaceDeadLetters, What: WhatLetter, DeadLetter: "17", Reason: "rejected", Code: "11", Detail: "locked", Open: true}
	gone := letter
	gone.Open = false
	came := Fact{Place: PlaceBilling, What: WhatArrived, Stream: "BILLING", Sequence: 9, Subject: "invoice.issued", Event: "BILLING.9.1.0"}
	record := func(state, event string) *claim.Record { return &claim.Record{State: state, Event: event} }
	due := &claim.Record{State: "claimed", Event: "e", Due: noon.Add(time.Minute)}
	atWork := &claim.Record{State: "claimed", Event: "e", AtWork: true}
	waiting := claim.Record{State: "claimed", Event: "e", Identity: "request.r"}
	queue := func(delivered, floor uint64) map[string]*progress {
		return map[string]*progress{"invoice.issued": {delivered, floor}}
	}
	all := Places()
	for _, tt := range []struct {
		name   string
		facts  []Fact
		memory *claim.Memory
		queue  map[string]*progress
		read   []Place
		gaps   []Gap
		since  time.Time
		want   Outcome
		text   string
	}{
		{name: "a link", facts: []Fact{came, link}, want: OutcomeTold, text: "one link, told once"},
		{name: "a link by Redis alone", memory: &claim.Memory{Link: record("published", "e")}, want: OutcomeTold,
			text: "one link, told once, as Redis says; its link.created was not found"},
		{name: "told twice", facts: []Fact{link, link}, want: OutcomeTwice, text: "one link, told 2 times, each with the ce-id l, which notifiers keep as a unique key"},
		{name: "a session told twice", facts: []Fact{session, session}, want: OutcomeTwice, text: "one session, 1 of them told more than once"},
		{name: "sessions", facts: []Fact{session, link, created("s2", events.KindCheckoutSession)}, want: OutcomeTold,
			text: "one link, told once; 2 sessions, each told once"},
		{name: "at work", memory: &claim.Memory{Link: atWork}, want: OutcomeInWork, text: "the link is in work, a worker is at it"},
		{name: "due", memory: &claim.Memory{Link: due}, want: OutcomeInWork, text: "the link is in work, next attempt at 2026-05-18T12:01:00Z"},
		{name: "a session left", facts: []Fact{link}, memory: &claim.Memory{Sessions: []claim.Record{waiting}}, want: OutcomeInWork,
			text: "one link, told once; the session request.r is in work, and goes on when NATS delivers its event again; is a worker running?"},
		{name: "recorded", memory: &claim.Memory{Link: record("recorded", "e")}, want: OutcomeInWork,
			text: "the link is made and not yet told of, and goes on when NATS delivers its event again; is a worker running?"},
		{name: "orphan", facts: []Fact{letter}, memory: &claim.Memory{Link: record("recorded", "")}, want: OutcomeInWork,
			text: "the link is made and was never told of, and its event is dead: a replay of that tells of it; dead letter 17 is open: rejected, code 11"},
		{name: "dead", facts: []Fact{came, letter}, want: OutcomeDead, text: "dead letter 17 is open: rejected, code 11"},
		{name: "dead beside a link", facts: []Fact{link, letter}, want: OutcomeDead, text: "one link, told once; dead letter 17 is open: rejected, code 11"},
		{name: "dying", facts: []Fact{{What: WhatDying, Reason: "panic"}}, want: OutcomeDead, text: "an event is about to end as a dead letter: panic"},
		{name: "discarded", facts: []Fact{gone}, read: all, want: OutcomeFreed,
			text: "nothing was made, and each event ended as a dead letter that was discarded, replayed without an end yet, or corrected to another token"},
		{name: "dead, unreadable", facts: []Fact{gone}, read: []Place{PlaceRedis}, want: OutcomeDead, text: "nothing was made, and each event ended as a dead letter"},
		{name: "replayed", facts: []Fact{gone, link}, want: OutcomeTold, text: "one link, told once"},
		{name: "queued", facts: []Fact{came}, queue: queue(6, 5), want: OutcomeWaiting,
			text: "BILLING 9 waits: no worker has taken it in yet, 2 messages of the stream are before it"},
		{name: "taken in", facts: []Fact{came}, queue: queue(12, 5), want: OutcomeInWork,
			text: "BILLING 9 was taken in by a worker and may be in work: not all that was taken in before it has ended"},
		{name: "unclear", facts: []Fact{came}, queue: queue(12, 12), since: noon, want: OutcomeUnclear,
			text: "there was an event, and nothing says what became of it, searched since 2026-05-18T12:00:00Z"},
		{name: "nothing read", want: OutcomeUnclear, text: "nothing could be read"},
		{name: "never", read: all, since: noon, want: OutcomeNever, text: "never seen, searched since 2026-05-18T12:00:00Z"},
		{name: "never, but for gaps", read: all[:1], gaps: []Gap{{Place: PlaceRedis}}, want: OutcomeNever, text: "never seen in what could be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.memory != nil {
				tt.memory.Now = noon
			}
			told := &telling{memory: tt.memory, queue: tt.queue, story: &Story{Facts: tt.facts, Read: tt.read, Gaps: tt.gaps, Since: tt.since}}
			if v := told.judge(); v.Outcome != tt.want || v.Text != tt.text {
				t.Errorf("%s: %s", v.Outcome, v.Text)
			}
		})
	}
}

func TestMayBeOf(t *testing.T) {
	for data, want := range map[string]bool{
		`{"checkoutToken":"a/ü"}`: true, `{"checkoutToken":"a\/\u00fc"}`: true, `{"data_base64":"e30="}`: true, `{"checkoutToken":"b"}`: false,
	} {
		if mayBeOf([]byte(data), "a/ü") != want {
			t.Errorf("%s: want %v", data, want)
		}
	}
}
