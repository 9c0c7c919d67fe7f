package deadletter

import (
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"
)

var meta = &jetstream.MsgMetadata{
	Stream: "BILLING", Sequence: jetstream.SequencePair{Stream: 42, Consumer: 7}, Timestamp: time.Unix(12, 345),
}

func TestOriginOfAnOriginal(t *testing.T) {
	got := OriginOf(nats.Header{"Nats-Msg-Id": {"m-1"}}, meta)
	if want := (Origin{Event: "BILLING.42.12000000345", MsgID: "m-1"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got.ID() != "BILLING.42.12000000345.0" {
		t.Errorf("id %q", got.ID())
	}
	if got := OriginOf(nil, meta); got.MsgID != "" {
		t.Errorf("%+v", got)
	}
}

func TestOriginOfAReplay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(` ?"?[a-z ]*"? ?`))
		letter := &Letter{
			Event: "BILLING.7.99", EventID: "BILLING.7.99.3.cafe", Replays: 3,
			Identity: "message." + text.Draw(r, "identity"), MsgID: text.Draw(r, "msgid"),
		}
		if len(letter.Identity) > 250 || len(letter.MsgID) > 250 {
			r.Skip("too long to be carried exactly")
		}
		next := letter.Origin().Next(rapid.SampledFrom([]string{"", "beef"}).Draw(r, "edit"))
		header := nats.Header{}
		next.Mark(header)
		if got := OriginOf(header, meta); got != next {
			r.Fatalf("%+v, want %+v", got, next)
		}
		if want := map[string]string{"cafe": "BILLING.7.99.4.cafe", "beef": "BILLING.7.99.4.beef"}[next.Hash]; next.ID() != want {
			r.Fatalf("id %q, want %q", next.ID(), want)
		}
	})
}

// What only looks like a replay is an event of its own.
func TestOriginOfAForgery(t *testing.T) {
	genuine := nats.Header{}
	Origin{Event: "BILLING.7.99", Replays: 1, Hash: "cafe", MsgID: "m-1"}.Mark(genuine)
	for name, spoil := range map[string]func(nats.Header){
		"another id":       func(h nats.Header) { h.Set("Nats-Msg-Id", "m-1") },
		"no id":            func(h nats.Header) { h.Del("Nats-Msg-Id") },
		"id of the letter": func(h nats.Header) { h.Set("Nats-Msg-Id", "deadletter:BILLING.7.99.1.cafe") },
		"never replayed": func(h nats.Header) {
			h.Set("Deadletter-Replays", "0")
			h.Set("Nats-Msg-Id", "replay:BILLING.7.99.0.cafe")
		},
		"no count":          func(h nats.Header) { h.Del("Deadletter-Replays") },
		"another count":     func(h nats.Header) { h.Set("Deadletter-Replays", "2") },
		"count with a sign": func(h nats.Header) { h.Set("Deadletter-Replays", "-1") },
		"another hash":      func(h nats.Header) { h.Set("Deadletter-Edit", "beef") },
		"hash with a dot": func(h nats.Header) {
			h.Set("Deadletter-Edit", "a.b")
			h.Set("Nats-Msg-Id", "replay:BILLING.7.99.1.a.b")
		},
		"event of two parts": func(h nats.Header) {
			h.Set("Deadletter-Event", "BILLING.7")
			h.Set("Nats-Msg-Id", "replay:BILLING.7.1.cafe")
		},
		"event with a letter": func(h nats.Header) { h.Set("Deadletter-Event", "B.x.1"); h.Set("Nats-Msg-Id", "replay:B.x.1.1.cafe") },
	} {
		t.Run(name, func(t *testing.T) {
			header := maps.Clone(genuine)
			spoil(header)
			if got := OriginOf(header, meta); got.Event != "BILLING.42.12000000345" || got.Replays != 0 || got.Hash != "" || got.Identity != "" {
				t.Errorf("taken for %+v", got)
			}
		})
	}
	if got := OriginOf(genuine, meta); got.Event != "BILLING.7.99" {
		t.Errorf("the genuine one is taken for %+v", got)
	}
}

// Someone publishes a dead letter to its subject by hand, headers and all.
func TestOriginOfALetterPublishedAgainByHand(t *testing.T) {
	letter := full()
	msg := message(t, letter, 0)
	if got := OriginOf(msg.Header, meta); got.ID() == letter.EventID || got.Event == letter.Event {
		t.Errorf("it passes for the dead one: %+v", got)
	}
}

func TestLetterOfAReplayNamesTheSameEvent(t *testing.T) {
	original := OriginOf(nats.Header{"Nats-Msg-Id": {"m-1"}}, meta)
	letter := &Letter{
		Subject: "invoice.issued", Reason: ReasonRejected, Event: original.Event, EventID: original.ID(), MsgID: original.MsgID,
	}
	header := nats.Header{}
	letter.Origin().Next("").Mark(header)
	replay := OriginOf(header, &jetstream.MsgMetadata{Stream: "BILLING", Sequence: jetstream.SequencePair{Stream: 50}, Timestamp: time.Unix(99, 0)})
	want := Origin{Event: original.Event, Replays: 1, MsgID: "m-1"}
	if !reflect.DeepEqual(replay, want) {
		t.Errorf("%+v, want %+v", replay, want)
	}
}
