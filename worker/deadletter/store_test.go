package deadletter

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func itoa(n int) string { return strconv.Itoa(n) }

var (
	directly  = jetstream.StreamConfig{AllowDirect: true}
	byRequest = jetstream.StreamConfig{}
)

func TestPutAndGet(t *testing.T) {
	for name, config := range map[string]jetstream.StreamConfig{"direct get": directly, "get by request": byRequest} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, config)
			id := s.put(t, full())
			if got := s.get(t, id); !reflect.DeepEqual(got, full()) {
				t.Errorf("came back\n%+v, want\n%+v", got, full())
			}
			if again := s.put(t, full()); again != id {
				t.Errorf("the repeat has id %d, the first one %d", again, id)
			}
			other := full()
			other.Replays, other.EventID = 2, other.Event+".2"
			if another := s.put(t, other); another == id {
				t.Error("the next replay's letter passes for a repeat")
			}
			if n := s.count(t); n != 2 {
				t.Errorf("%d letters, want 2", n)
			}
			if _, err := Get(s.ctx, s.stream, 99); !errors.Is(err, ErrNotFound) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestGetWhatIsNoLetter(t *testing.T) {
	s := newStage(t, directly)
	ack, err := s.js.Publish(s.ctx, "deadletter.invoice.issued", []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Get(s.ctx, s.stream, ack.Sequence); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

// A stream that does what the headers of an original say: none of them may act.
func TestHeadersOfTheOriginalDoNotAct(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{AllowDirect: true, AllowMsgTTL: true, AllowRollup: true, AllowAtomicPublish: true,
		AllowMsgSchedules: true})
	first := full()
	first.Event, first.EventID = "BILLING.1.1", "BILLING.1.1.1"
	s.put(t, first)
	for i, original := range []nats.Header{
		{"Nats-TTL": {"1s"}},
		{"Nats-TTL": {"never, please"}},
		{"Nats-Rollup": {"all"}},
		{"Nats-Rollup": {"sub"}},
		{"Nats-Expected-Stream": {"BILLING"}},
		{"Nats-Expected-Last-Sequence": {"4711"}},
		{"Nats-Expected-Last-Subject-Sequence": {"4711"}},
		{"Nats-Expected-Last-Msg-Id": {"another"}},
		{"Nats-Msg-Id": {"deadletter:BILLING.1.1.1"}},
		{"Nats-Incr": {"+1"}},
		{"Nats-Batch-Id": {"b"}, "Nats-Batch-Sequence": {"3"}},
		{"Nats-Schedule": {"@every 1h"}, "Nats-Schedule-Target": {"deadletter.session.requested"}},
		{"Nats-Required-Api-Level": {"9999"}},
		{"Nats-Marker-Reason": {"MaxAge"}},
		{"Status": {"503"}, "Description": {"No Responders"}},
	} {
		l := full()
		l.Event = "BILLING." + itoa(i+2) + ".1"
		l.EventID, l.Header = l.Event+".1", original
		id := s.put(t, l)
		if got := s.get(t, id); !reflect.DeepEqual(got.Header, original) {
			t.Errorf("%v came back as %v", original, got.Header)
		}
		if n := s.count(t); n != uint64(i+2) {
			t.Fatalf("%v: %d letters, want %d", original, n, i+2)
		}
		stored, err := s.stream.GetLastMsgForSubject(s.ctx, "deadletter.invoice.issued")
		if err != nil {
			t.Fatal(err)
		}
		for name := range stored.Header {
			if hasPrefixFold(name, natsPrefix) && name != "Nats-Msg-Id" && !reflect.DeepEqual([]string{}, added[name]) {
				t.Errorf("%v: stored with %s", original, name)
			}
		}
	}
}

// added are the headers that the server adds to the answer of a direct get.
var added = map[string][]string{"Nats-Stream": {}, "Nats-Subject": {}, "Nats-Sequence": {}, "Nats-Time-Stamp": {}}

// A letter without a body that carries a header Status would pass for news from
// the server and never be seen.
func TestLetterWithoutABodyIsDelivered(t *testing.T) {
	s := newStage(t, directly)
	l := full()
	l.Header = nats.Header{"Status": {"503"}}
	l.BodyOmitted = true
	id := s.put(t, l)
	if got := s.get(t, id); !reflect.DeepEqual(got.Header, l.Header) || !got.BodyOmitted {
		t.Errorf("came back %+v", got)
	}
	consumer, err := s.stream.CreateConsumer(s.ctx, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(msg.Subject(), msg.Headers(), msg.Data()); err != nil {
		t.Error(err)
	}
}

func TestPutKeepsLimits(t *testing.T) {
	const limit = 64 << 10
	for _, tt := range []struct {
		name    string
		config  jetstream.StreamConfig
		payload int64 // 0: the server's
		header  nats.Header
		data    int
		omitted string
	}{
		{name: "fits", data: 1000},
		{name: "over the server's limit", data: 1 << 20, omitted: "body"},
		{name: "over the stream's limit", config: jetstream.StreamConfig{MaxMsgSize: limit}, data: limit, omitted: "body"},
		{name: "over a limit that the caller does not know", payload: 1 << 30, data: 2 << 20, omitted: "body"},
		{name: "too many headers", header: nats.Header{"X": {strings.Repeat("x", 65535)}}, data: 10, omitted: "headers"},
		{name: "all too large", config: jetstream.StreamConfig{MaxMsgSize: 4 << 10}, data: 8 << 10,
			header: nats.Header{"X": {strings.Repeat("x", 8<<10)}}, omitted: "body, headers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, tt.config)
			l := full()
			l.Data = bytes.Repeat([]byte("x"), tt.data)
			if tt.header != nil {
				l.Header = tt.header
			}
			if tt.payload == 0 {
				tt.payload = s.nc.MaxPayload()
			}
			id, err := Put(s.ctx, s.js, "DEADLETTERS", l, tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			got := s.get(t, id)
			if omitted := strings.Join(omittedParts(got.BodyOmitted, got.HeadersOmitted), ", "); omitted != tt.omitted {
				t.Errorf("omitted %q, want %q", omitted, tt.omitted)
			}
		})
	}
}

// To the byte: what a real server takes is published whole.
func TestLimitsAreTheServers(t *testing.T) {
	s := newStage(t, byRequest)
	limit := s.nc.MaxPayload()
	spare := func(l *Letter, limit int64) int { return int(limit - size(message(t, l, 0))) }
	for _, over := range []int{0, 1} {
		body := full()
		body.Event, body.EventID = "BODY."+itoa(over)+".1", "BODY."+itoa(over)+".1.1"
		body.Data = nil
		body.Data = bytes.Repeat([]byte("x"), spare(body, limit)+over)
		if got := s.get(t, s.put(t, body)); got.BodyOmitted != (over > 0) || got.HeadersOmitted || !got.BodyOmitted && len(got.Data) != len(body.Data) {
			t.Errorf("%d over the limit of a message: body omitted %v, headers %v", over, got.BodyOmitted, got.HeadersOmitted)
		}
		headers := full()
		headers.Event, headers.EventID = "HEADERS."+itoa(over)+".1", "HEADERS."+itoa(over)+".1.1"
		headers.Data, headers.Header = nil, nats.Header{"X": {""}}
		headers.Header.Set("X", strings.Repeat("x", spare(headers, maxHeaders)+over))
		if got := s.get(t, s.put(t, headers)); got.HeadersOmitted != (over > 0) || got.BodyOmitted {
			t.Errorf("%d over the limit of headers: body omitted %v, headers %v", over, got.BodyOmitted, got.HeadersOmitted)
		}
	}
}

func TestPutWantsItsStream(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{Name: "OTHERS"})
	_, err := Put(s.ctx, s.js, "DEADLETTERS", full(), s.nc.MaxPayload())
	if err == nil || !strings.Contains(err.Error(), `"OTHERS"`) {
		t.Errorf("error %v", err)
	}
}

func TestPutTellsWhenNothingStoresIt(t *testing.T) {
	s := newStage(t, directly)
	if err := s.js.DeleteStream(s.ctx, "DEADLETTERS"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	if _, err := Put(ctx, s.js, "DEADLETTERS", full(), s.nc.MaxPayload()); err == nil {
		t.Error("no error")
	}
}

// busy answers as three replicas do while they store the same id.
type busy struct {
	jetstream.JetStream
	times int
	calls int
}

func (b *busy) PublishMsg(context.Context, *nats.Msg, ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if b.calls++; b.calls <= b.times {
		return nil, &jetstream.APIError{Code: 409, ErrorCode: 10158, Description: "duplicate message id is in process"}
	}
	return &jetstream.PubAck{Stream: "DEADLETTERS", Sequence: 7, Duplicate: true}, nil
}

func TestPutWaitsForACopyInProcess(t *testing.T) {
	js := &busy{times: 3}
	id, err := Put(t.Context(), js, "DEADLETTERS", full(), 0)
	if err != nil || id != 7 || js.calls != 4 {
		t.Errorf("id %d after %d calls, error %v", id, js.calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Put(ctx, &busy{times: 1 << 20}, "DEADLETTERS", full(), 0); err == nil {
		t.Error("it does not give up")
	}
}
