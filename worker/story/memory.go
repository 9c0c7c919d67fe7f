package story

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
)

// recall asks Redis.
func (t *telling) recall(ctx context.Context) {
	if t.Claims == nil {
		return
	}
	memory, err := t.Claims.Recall(ctx, t.question.Token)
	if err != nil {
		mend := "is it up? see REDIS_URL"
		if text := errors.Unwrap(err).Error(); strings.HasPrefix(text, "NOPERM") {
			mend = "grant this Redis user the commands HMGET, ZRANGE and TIME on the worker's keys"
		}
		t.gap(PlaceRedis, "Redis cannot be read: "+err.Error(), mend)
		return
	}
	t.memory = memory
	t.answered(PlaceRedis)
}

// recorded is the vendor's answer as the worker records it.
type recorded struct {
	LinkID    string        `json:"linkId"`
	SessionID string        `json:"sessionId"`
	URL       string        `json:"url"`
	Status    string        `json:"status"`
	Amount    events.Amount `json:"amount"`
	Currency  string        `json:"currency"`
}

// failure is what the last attempt met, or a verdict, as the worker records it.
type failure struct {
	Reason  string    `json:"reason"`
	Code    string    `json:"code"`
	TraceID string    `json:"traceId"`
	Detail  string    `json:"detail"`
	At      time.Time `json:"at"`
}

// read decodes what a worker has recorded. What another version wrote in another way says nothing.
func read[T any](data []byte) (v T) {
	if len(data) > 0 && json.Unmarshal(data, &v) != nil {
		var none T
		return none
	}
	return v
}

// tellMemory adds the facts that only Redis has.
func (t *telling) tellMemory() {
	if t.memory == nil {
		return
	}
	if t.memory.Link != nil {
		t.tellRecord(t.memory.Link)
	}
	for i := range t.memory.Sessions {
		t.tellRecord(&t.memory.Sessions[i])
	}
	for i := range t.memory.Events {
		t.tellSeen(&t.memory.Events[i])
	}
	if t.memory.Full {
		t.gap(PlaceRedis, "more events came with this token than Redis keeps the places of: those in the middle may be missing here",
			"search the streams, too (linkworker explain --since)")
	}
}

// of is what a record or an event is about.
func of(identity string) string {
	if identity == "" {
		return "the link"
	}
	return "the session " + identity
}

func kindOf(identity string) events.Kind {
	if identity == "" {
		return events.KindPaymentLink
	}
	return events.KindCheckoutSession
}

func (t *telling) tellRecord(r *claim.Record) {
	base := Fact{Place: PlaceRedis, Event: r.Event, Identity: r.Identity, Kind: kindOf(r.Identity)}
	if len(r.Answer) > 0 {
		a, f := read[recorded](r.Answer), base
		f.Time, f.What = r.Recorded, WhatRecorded
		f.LinkID, f.SessionID, f.URL, f.Status, f.Amount, f.Currency = a.LinkID, a.SessionID, a.URL, a.Status, string(a.Amount), a.Currency
		f.Text = "the vendor's answer is recorded: link " + a.LinkID
		if r.Identity != "" {
			f.Text = "the vendor's answer is recorded: session " + a.SessionID
		}
		t.add(f)
	}
	if r.State == "published" {
		return
	}
	if n := r.Tried.Attempts + r.Tried.CutOff; n > 0 {
		why, f := read[failure](r.Tried.Failure), base
		f.Time, f.What, f.Attempts, f.Code, f.TraceID, f.Detail = r.Tried.Last, WhatTried, n, why.Code, why.TraceID, why.Detail
		f.Text = fmt.Sprintf("%s for %s failed, the first at %s", calls(n), of(r.Identity), r.Tried.First.UTC().Format(time.RFC3339))
		if why.Detail != "" {
			f.Text += "; the last one: " + why.Detail
		}
		t.add(f)
	}
	switch {
	case r.AtWork:
		f := base
		f.Time, f.What, f.Text = t.memory.Now, WhatAtWork, "a worker is at work on "+of(r.Identity)
		t.add(f)
	case r.Due.After(t.memory.Now):
		f := base
		f.Time, f.What, f.Text = r.Due, WhatDue, "the next attempt for "+of(r.Identity)+" is due"
		t.add(f)
	case r.Event != "":
		f := base
		f.Time, f.What, f.Text = t.memory.Now, WhatWaiting, "nobody is at work on "+of(r.Identity)+"; it goes on when NATS delivers its event again"
		t.add(f)
	}
}

func calls(n int) string {
	if n == 1 {
		return "a call to the vendor"
	}
	return strconv.Itoa(n) + " calls to the vendor"
}

// tellSeen tells of an event what no message says.
func (t *telling) tellSeen(e *claim.Seen) {
	stream, sequence, _ := position(e.Message)
	f := Fact{Place: PlaceRedis, Event: e.Event, Stream: stream, Sequence: sequence, Time: e.At}
	if !t.met[e.Message] {
		gone := f
		gone.What, gone.Time = WhatArrived, storedAt(e)
		gone.Text = "an event came; its message was not read, or is gone from its stream"
		t.add(gone)
	}
	switch {
	case e.Dead && !e.Ended:
		why := read[failure](e.Verdict)
		f.Time, f.What, f.Reason, f.Code, f.TraceID, f.Detail = why.At, WhatDying, why.Reason, why.Code, why.TraceID, why.Detail
		f.DeadLetter = e.Letter
		f.Text = "it is decided that the event ends as a dead letter (" + why.Reason + "); " + stillToDo(e)
		t.add(f)
	case e.Dead:
		t.tellOfLetter(e, f)
	case e.Owner:
	case t.satisfied(e):
		f.What = WhatDuplicate
		f.Text = "a worker found that what the event asks for is there: a duplicate, nothing was done for it"
		if len(t.memory.Told) > 0 {
			f.Text = "a worker found that what the event asks for is there (a duplicate), or its session has expired since"
		}
		t.add(f)
	default:
		f.What, f.Text = WhatWaiting, "the event waits until another one with the token has ended"
		t.add(f)
	}
}

// stillToDo says how far the verdict on a dead event is carried out.
func stillToDo(e *claim.Seen) string {
	if e.Letter == "" {
		return "the letter is not written yet"
	}
	return "dead letter " + e.Letter + " is written, link.failed is not yet known to be out"
}

// tellOfLetter adds that the event ended as a dead letter, where the letter itself was not read.
func (t *telling) tellOfLetter(e *claim.Seen, f Fact) {
	if t.first(func(f *Fact) bool { return f.What == WhatLetter && f.DeadLetter == e.Letter }) != nil {
		return
	}
	f.What, f.DeadLetter, f.Stream, f.Sequence = WhatLetter, e.Letter, "", 0
	failed := t.first(func(f *Fact) bool { return f.What == WhatFailed && f.DeadLetter == e.Letter })
	if failed != nil {
		f.Time, f.Reason, f.Code, f.Detail, f.TraceID = failed.Time, failed.Reason, failed.Code, failed.Detail, failed.TraceID
	}
	f.Text = "the event ended as dead letter " + e.Letter
	switch {
	case t.replayed(e.Event):
		f.Text += ", which was replayed since"
	case t.read(PlaceDeadLetters):
		f.Text += ", which was replayed, corrected or discarded since"
	}
	if f.Reason != "" {
		f.Text += ": " + becauseOf(&f)
	}
	t.add(f)
}

// replayed reports whether the next try of an event is among the facts.
func (t *telling) replayed(event string) bool {
	parts := strings.Split(event, ".")
	if len(parts) < 4 {
		return false
	}
	n, err := strconv.Atoi(parts[3])
	next := strings.Join(parts[:3], ".") + "." + strconv.Itoa(n+1)
	return err == nil && t.first(func(f *Fact) bool {
		return f.What == WhatReplayed && (f.Event == next || strings.HasPrefix(f.Event, next+"."))
	}) != nil
}

func (t *telling) read(place Place) bool { return slices.Contains(t.story.Read, place) }

// satisfied reports whether what the event asks for is published; where its message was not read, whether anything is.
func (t *telling) satisfied(e *claim.Seen) bool {
	asked := t.first(func(f *Fact) bool { return f.Place == PlaceBilling && f.Event == e.Event })
	if link := t.memory.Link; link != nil && link.State == "published" && (asked == nil || asked.Kind == events.KindPaymentLink) {
		return true
	}
	return slices.ContainsFunc(t.memory.Sessions, func(s claim.Record) bool {
		return s.State == "published" && (asked == nil || asked.Identity != "" && s.Identity == events.SafeID(asked.Identity))
	})
}

// position splits stream.sequence.
func position(message string) (stream string, sequence uint64, ok bool) {
	stream, text, _ := strings.Cut(message, ".")
	sequence, err := strconv.ParseUint(text, 10, 64)
	return stream, sequence, err == nil && stream != ""
}

// storedAt is when an event's original was stored, which its name says; of a replay it is not known.
func storedAt(e *claim.Seen) time.Time {
	rest, original := strings.CutPrefix(e.Event, e.Message+".")
	nanos, _, _ := strings.Cut(rest, ".")
	n, err := strconv.ParseInt(nanos, 10, 64)
	if !original || err != nil {
		return e.At
	}
	return time.Unix(0, n)
}
