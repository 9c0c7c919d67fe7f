package deadletter

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"github.com/linkworker/linkworker/events"
)

func TestParseRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*nats.Msg){
		"another subject":     func(m *nats.Msg) { m.Subject = "invoice.issued" },
		"the bare prefix":     func(m *nats.Msg) { m.Subject = "deadletter." },
		"no headers":          func(m *nats.Msg) { m.Header = nil },
		"no reason":           func(m *nats.Msg) { m.Header.Del("Deadletter-Reason") },
		"a reason of its own": func(m *nats.Msg) { m.Header.Set("Deadletter-Reason", "tired") },
		"no event":            func(m *nats.Msg) { m.Header.Del("Deadletter-Event") },
		"a status in words":   func(m *nats.Msg) { m.Header.Set("Deadletter-Status", "bad") },
		"fewer than none":     func(m *nats.Msg) { m.Header.Set("Deadletter-Replays", "-1") },
		"a time in words":     func(m *nats.Msg) { m.Header.Set("Deadletter-Time", "noon") },
		"a sequence in words": func(m *nats.Msg) { m.Header.Set("Deadletter-Sequence", "first") },
		"a hash that is none": func(m *nats.Msg) { m.Header.Set("Deadletter-Edit", "a.b") },
	} {
		t.Run(name, func(t *testing.T) {
			msg := message(t, full(), 0)
			spoil(msg)
			if l, err := Parse(msg.Subject, msg.Header, msg.Data); err == nil || l != nil {
				t.Errorf("parsed as %+v, error %v", l, err)
			}
		})
	}
}

// Where a stream stores a letter under another subject, the header knows it.
func TestParseTrustsTheHeaderForTheSubject(t *testing.T) {
	msg := message(t, full(), 0)
	l, err := Parse("deadletter.eu.invoice.issued", msg.Header, msg.Data)
	if err != nil {
		t.Fatal(err)
	}
	if l.Subject != "invoice.issued" {
		t.Errorf("subject %q", l.Subject)
	}
}

// Whatever a letter holds, it comes back from a real stream as it went in, but for
// what the wire cannot carry.
func TestRoundTrip(t *testing.T) {
	s := newStage(t, directly)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		l := letters(r)
		n++
		l.Event = "BILLING." + itoa(n) + ".1"
		l.EventID = Origin{Event: l.Event, Replays: l.Replays, Hash: rapid.StringMatching(`[0-9a-f]{0,16}`).Draw(r, "hash")}.ID()
		differ(r, s.get(t, s.put(t, l)), expected(l))
	})
}

// differ names each field that is not as expected.
func differ(r *rapid.T, got, want *Letter) {
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range g.NumField() {
		a, b := g.Field(i).Interface(), w.Field(i).Interface()
		if data, ok := a.([]byte); ok && len(data) == 0 && len(want.Data) == 0 {
			continue
		}
		if !reflect.DeepEqual(a, b) {
			r.Errorf("%s is %q, want %q", g.Type().Field(i).Name, a, b)
		}
	}
}

func letters(r *rapid.T) *Letter {
	text := rapid.OneOf(rapid.StringN(0, 12, -1), rapid.StringMatching(` ?"?[a-z ]{0,6}"? ?`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.IntRange(300, 1100), func(n int) string { return strings.Repeat("é\n", n)[:n] }))
	moment := rapid.Map(rapid.Int64Range(1, 1<<61), func(ns int64) time.Time { return time.Unix(0, ns).UTC() })
	header := nats.Header{}
	for range rapid.IntRange(0, 4).Draw(r, "headers") {
		name := rapid.StringMatching(`(Nats-|nats-|ce-|Deadletter-|Status|X-)[A-Za-z0-9]{1,4}`).Draw(r, "name")
		header[name] = rapid.SliceOfN(rapid.StringMatching(`[!-~]([ -~é]{0,6}[!-~])?`), 1, 3).Draw(r, "values")
	}
	return &Letter{
		Subject: rapid.SampledFrom([]string{events.SubjectInvoiceIssued, events.SubjectSessionRequested}).Draw(r, "subject"),
		Header:  header, Data: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(r, "data"),
		Reason: rapid.SampledFrom(Reasons()).Draw(r, "reason"),
		Token:  text.Draw(r, "token"), Code: text.Draw(r, "code"), Type: text.Draw(r, "type"),
		TraceID: text.Draw(r, "trace"), Detail: text.Draw(r, "detail"), Worker: text.Draw(r, "worker"),
		Status: rapid.IntRange(0, 599).Draw(r, "status"), Attempts: rapid.IntRange(0, 9).Draw(r, "attempts"),
		FirstAttempt: moment.Draw(r, "first"), LastAttempt: moment.Draw(r, "last"), Time: moment.Draw(r, "time"),
		Stream: "BILLING", Sequence: rapid.Uint64().Draw(r, "sequence"), Replays: rapid.IntRange(0, 99).Draw(r, "replays"),
		Identity: rapid.SampledFrom([]string{"", "request.", "message.", "event."}).Draw(r, "kind") + text.Draw(r, "identity"),
		MsgID:    text.Draw(r, "msgid"),
	}
}

// expected is what comes back of l.
func expected(l *Letter) *Letter {
	want := *l
	for _, text := range []*string{&want.Token, &want.Code, &want.Type, &want.TraceID, &want.Detail, &want.Worker} {
		*text = clean(*text)
	}
	want.Identity, want.MsgID = uncarry(carryIdentity(l.Identity)), uncarry(carryMsgID(l.MsgID))
	want.Header = nil
	for name, values := range l.Header {
		if strings.HasPrefix(name, "Deadletter-") {
			continue
		}
		if want.Header == nil {
			want.Header = nats.Header{}
		}
		want.Header[name] = values
	}
	return &want
}

func TestIdentityAndMsgIDAreCarriedExactly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[" \\]{0,3}[a-z"\\ \n]{0,8}[" \\]{0,3}`),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(r, "value")
		held := carryMsgID(value)
		if held != clean(held) {
			r.Fatalf("%q would not survive in a header", held)
		}
		if len(held) < maxValue && uncarry(held) != value {
			r.Fatalf("%q came back as %q", value, uncarry(held))
		}
	})
}

func TestIdentityAndMsgIDThatAreTooLong(t *testing.T) {
	long := strings.Repeat("x", 1025)
	if got, want := carryMsgID(long), events.SafeID(long); got != want {
		t.Errorf("message id %q, want %q", got, want)
	}
	if got, want := carryIdentity("message."+long), "message."+events.SafeID(long); got != want {
		t.Errorf("identity %q, want %q", got, want)
	}
	// Further replays carry the same.
	if first := carryIdentity("event." + long); carryIdentity(first) != first {
		t.Errorf("identity changes from replay to replay: %q, %q", first, carryIdentity(first))
	}
	kept := strings.Repeat("x", 1024)
	if got := carryMsgID(kept); got != kept {
		t.Errorf("1 KiB is not kept: %q", got)
	}
}

func TestReasonsAreClosed(t *testing.T) {
	want := []Reason{"invalid_event", "conflict", "rejected", "exhausted", "panic"}
	if !slices.Equal(Reasons(), want) {
		t.Errorf("reasons %v, want %v", Reasons(), want)
	}
}
