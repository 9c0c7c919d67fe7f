package story

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
)

// Place is where something is known.
type Place string

// The places.
const (
	PlaceBilling     Place = "billing"
	PlaceRedis       Place = "redis"
	PlaceVendor      Place = "vendor"
	PlaceLinks       Place = "links"
	PlaceDeadLetters Place = "deadletters"
)

// Places returns all of them.
func Places() []Place {
	return []Place{PlaceBilling, PlaceRedis, PlaceVendor, PlaceLinks, PlaceDeadLetters}
}

// What is what a fact tells of.
type What string

// The facts, in the order in which they follow each other on an event's way.
const (
	WhatArrived   What = "arrived"      // an event came into BILLING
	WhatReplayed  What = "replayed"     // a dead event came again
	WhatDuplicate What = "duplicate"    // an event found that the token has its link
	WhatWaiting   What = "waiting"      // an event waits: for another one, or to be taken in
	WhatTried     What = "tried"        // calls to the vendor failed
	WhatMade      What = "made"         // the vendor made the link
	WhatRecorded  What = "recorded"     // the vendor's answer is in Redis
	WhatCreated   What = "link_created" // notifiers were told
	WhatDying     What = "dying"        // it is decided that an event ends as a dead letter
	WhatLetter    What = "dead_letter"  // an event ended as one
	WhatFailed    What = "link_failed"  // and link.failed told of it
	WhatAtWork    What = "at_work"      // a worker is at work
	WhatDue       What = "due"          // the next attempt
	WhatUnknown   What = "unknown_link" // the vendor does not know the link
)

var order = []What{
	WhatArrived, WhatReplayed, WhatDuplicate, WhatWaiting, WhatTried, WhatMade, WhatRecorded, WhatCreated, WhatDying,
	WhatLetter, WhatFailed, WhatAtWork, WhatDue, WhatUnknown,
}

// Fact is one thing that happened or is so. What is not known of it is its zero value.
type Fact struct {
	Time  time.Time `json:"time,omitzero"`
	Place Place     `json:"place"`
	What  What      `json:"what"`
	// Text says it for people, in one line.
	Text string `json:"text"`

	// Stream and Sequence are where the message lies.
	Stream   string `json:"stream,omitzero"`
	Sequence uint64 `json:"sequence,omitzero"`
	// Event names the event, the same at each delivery, see the package deadletter.
	Event    string      `json:"event,omitzero"`
	Subject  string      `json:"subject,omitzero"`
	Kind     events.Kind `json:"kind,omitzero"`
	Identity string      `json:"identity,omitzero"` // of a session request
	ID       string      `json:"id,omitzero"`       // ce-id of a notice, else Nats-Msg-Id
	Replays  int         `json:"replays,omitzero"`

	InvoiceID string `json:"invoiceId,omitzero"`
	Amount    string `json:"amount,omitzero"`
	Currency  string `json:"currency,omitzero"`
	LinkID    string `json:"linkId,omitzero"`
	SessionID string `json:"sessionId,omitzero"`
	URL       string `json:"url,omitzero"`
	Status    string `json:"status,omitzero"`

	Attempts   int    `json:"attempts,omitzero"`
	Reason     string `json:"reason,omitzero"`
	Code       string `json:"code,omitzero"`
	Detail     string `json:"detail,omitzero"`
	TraceID    string `json:"traceId,omitzero"`
	DeadLetter string `json:"deadLetter,omitzero"`
	// Open says that the dead letter is still in its stream.
	Open bool `json:"open,omitzero"`
}

// Gap is a place, or a part of it, that could not be read.
type Gap struct {
	Place Place  `json:"place"`
	Why   string `json:"why"`
	Mend  string `json:"mend,omitzero"`
}

// Story is what became of a token.
type Story struct {
	Token string
	Facts []Fact // in order of time, those without a time last
	Gaps  []Gap
	// Read are the places that answered, whatever they said.
	Read    []Place
	Verdict Verdict
	// Messages is how many messages were read, and Since from when on the streams were searched; zero: they were not.
	Messages int
	Since    time.Time
}

// Sources are the places to look at. One that is nil is not looked at, and Missing says why.
type Sources struct {
	NATS    jetstream.JetStream
	Claims  *claim.Store
	Vendor  *conomy.Client
	Missing []Gap
}

// SearchBack is how far back the streams are searched where Redis knows nothing and the question does not say.
const SearchBack = 24 * time.Hour

// Question is what is asked.
type Question struct {
	Token string
	// Since has the streams searched from then on, whatever Redis knows.
	Since time.Time
	// Searching, if not nil, is told before a stream is searched, and how many messages that are at the most.
	Searching func(stream string, messages uint64)
}

// Tell gathers the story. It always has a verdict; what could not be read is among its gaps.
func (s Sources) Tell(ctx context.Context, q Question) *Story {
	t := &telling{
		Sources: s, question: q, story: &Story{Token: q.Token, Gaps: slices.Clone(s.Missing), Since: q.Since},
		streams: map[string]jetstream.Stream{}, met: map[string]bool{},
	}
	t.recall(ctx)
	t.readNamed(ctx)
	if t.memory == nil || t.memory.Nothing() || !q.Since.IsZero() {
		if t.story.Since.IsZero() {
			t.story.Since = time.Now().Add(-SearchBack)
		}
		t.search(ctx)
	}
	t.askVendor(ctx)
	t.tellMemory()
	t.order()
	t.story.Verdict = t.judge()
	return t.story
}

// telling is a story in the making.
type telling struct {
	Sources
	question Question
	story    *Story
	memory   *claim.Memory               // nil: not known
	streams  map[string]jetstream.Stream // by name, as they were found; nil: could not be
	met      map[string]bool             // messages that are told of already, by stream and sequence
	queue    map[string]*progress        // how far the worker is, by subject; only what was searched for
}

func (t *telling) add(f Fact) {
	f.Time = f.Time.UTC()
	t.story.Facts = append(t.story.Facts, f)
}

func (t *telling) gap(place Place, why, mend string) {
	g := Gap{place, why, mend}
	if !slices.Contains(t.story.Gaps, g) {
		t.story.Gaps = append(t.story.Gaps, g)
	}
}

// answered notes that a place was read.
func (t *telling) answered(place Place) {
	if !slices.Contains(t.story.Read, place) {
		t.story.Read = append(t.story.Read, place)
	}
}

// order puts the facts in order of time and, within one millisecond, which is all that Redis tells, of an event's way.
func (t *telling) order() {
	slices.SortStableFunc(t.story.Facts, func(a, b Fact) int {
		if a.Time.IsZero() != b.Time.IsZero() {
			if a.Time.IsZero() {
				return 1
			}
			return -1
		}
		at, bt := a.Time.Truncate(time.Millisecond), b.Time.Truncate(time.Millisecond)
		return cmp.Or(at.Compare(bt), cmp.Compare(slices.Index(order, a.What), slices.Index(order, b.What)), a.Time.Compare(b.Time))
	})
	slices.SortFunc(t.story.Read, func(a, b Place) int {
		return cmp.Compare(slices.Index(Places(), a), slices.Index(Places(), b))
	})
}

// first is the first fact that is meant, nil where there is none.
func (t *telling) first(meant func(*Fact) bool) *Fact {
	for i := range t.story.Facts {
		if meant(&t.story.Facts[i]) {
			return &t.story.Facts[i]
		}
	}
	return nil
}
