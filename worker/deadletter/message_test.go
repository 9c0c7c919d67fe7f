package deadletter

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

func message(t *testing.T, l *Letter, maxPayload int64) *nats.Msg {
	t.Helper()
	msg, err := l.Message(maxPayload)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestMessageHeaders(t *testing.T) {
	msg := message(t, full(), 1<<20)
	want := nats.Header{
		"ce-id": {"1"}, "ce-source": {"/shop"}, "Content-Type": {"application/json"}, "X-Trace": {"a", "b"},
		"Deadletter-Reason": {"rejected"}, "Deadletter-Token": {"invoice-1001"}, "Deadletter-Code": {"11"},
		"Deadletter-Type": {"invalidParam"}, "Deadletter-Status": {"400"}, "Deadletter-Trace-Id": {"2f1c"},
		"Deadletter-Detail": {"currency: no such one"}, "Deadletter-Attempts": {"3"},
		"Deadletter-First-Attempt": {"2026-05-18T11:00:00Z"}, "Deadletter-Last-Attempt": {"2026-05-18T11:00:07.25Z"},
		"Deadletter-Worker": {"v0.1.0"}, "Deadletter-Subject": {"invoice.issued"}, "Deadletter-Stream": {"BILLING"},
		"Deadletter-Sequence": {"42"}, "Deadletter-Time": {"2026-05-18T10:59:59.123456789Z"}, "Deadletter-Replays": {"1"},
		"Deadletter-Event":    {"BILLING.7.1779101999123456789"},
		"Deadletter-Identity": {"request.r-1"}, "Deadletter-Msg-Id": {"shop-7/1001"},
		"Nats-Msg-Id": {"deadletter:BILLING.7.1779101999123456789.1"},
	}
	if !reflect.DeepEqual(msg.Header, want) {
		t.Errorf("headers\n%v, want\n%v", msg.Header, want)
	}
	if msg.Subject != "deadletter.invoice.issued" {
		t.Errorf("subject %q", msg.Subject)
	}
	if !bytes.Equal(msg.Data, full().Data) {
		t.Errorf("body %q", msg.Data)
	}
}

func TestMessageLeavesOutWhatIsNotKnown(t *testing.T) {
	msg := message(t, &Letter{Subject: "session.requested", Reason: ReasonPanic, Event: "S.1.2", EventID: "S.1.2.0"}, 0)
	want := nats.Header{
		"Deadletter-Reason": {"panic"}, "Deadletter-Subject": {"session.requested"}, "Deadletter-Attempts": {"0"},
		"Deadletter-Replays": {"0"}, "Deadletter-Event": {"S.1.2"}, "Nats-Msg-Id": {"deadletter:S.1.2.0"},
	}
	if !reflect.DeepEqual(msg.Header, want) {
		t.Errorf("headers\n%v, want\n%v", msg.Header, want)
	}
}

func TestMessageCopiesOriginalHeaders(t *testing.T) {
	for _, tt := range []struct {
		name      string
		original  nats.Header
		noBody    bool
		copied    nats.Header
		roundTrip nats.Header // nil: as the original
	}{
		{name: "copied as they are",
			original: nats.Header{"ce-type": {"x%20y"}, "X-Many": {"1", "2"}, "x-many": {"3"}, "X-Empty": {""}},
			copied:   nats.Header{"ce-type": {"x%20y"}, "X-Many": {"1", "2"}, "x-many": {"3"}, "X-Empty": {""}}},
		{name: "of NATS, in any case",
			original: nats.Header{"Nats-TTL": {"1s"}, "nats-rollup": {"all"}, "NATS-Expected-Stream": {"X"}, "Nats-Msg-Id": {"m"}},
			copied: nats.Header{"Deadletter-Original-Nats-TTL": {"1s"}, "Deadletter-Original-nats-rollup": {"all"},
				"Deadletter-Original-NATS-Expected-Stream": {"X"}, "Deadletter-Original-Nats-Msg-Id": {"m"}}},
		{name: "not quite of NATS",
			original: nats.Header{"Nats": {"1"}, "Natsy-TTL": {"2"}, "X-Nats-TTL": {"3"}},
			copied:   nats.Header{"Nats": {"1"}, "Natsy-TTL": {"2"}, "X-Nats-TTL": {"3"}}},
		{name: "ours, from an earlier failure",
			original: nats.Header{"Deadletter-Reason": {"panic"}, "deadletter-detail": {"old"}, "DEADLETTER-X": {"y"},
				"Deadletter-Original-Nats-TTL": {"1s"}, "Deadletter-Omitted": {"body"}, "Keep": {"me"}},
			copied:    nats.Header{"Keep": {"me"}},
			roundTrip: nats.Header{"Keep": {"me"}}},
		{name: "that cannot be sent",
			original:  nats.Header{"X Y": {"1"}, "a:b": {"2"}, "": {"3"}, "grün": {"4"}, "Keep": {"me"}, "Nats-(x)": {"5"}},
			copied:    nats.Header{"Keep": {"me"}},
			roundTrip: nats.Header{"Keep": {"me"}}},
		{name: "status, with a body", original: nats.Header{"Status": {"503"}}, copied: nats.Header{"Status": {"503"}}},
		{name: "status, without", original: nats.Header{"Status": {"503"}}, noBody: true,
			copied: nats.Header{"Deadletter-Original-Status": {"503"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := full()
			l.Header = tt.original
			if tt.noBody {
				l.Data = nil
			}
			msg := message(t, l, 0)
			own := message(t, &Letter{Subject: l.Subject, Reason: l.Reason, Event: l.Event, EventID: l.EventID, Replays: 1}, 0)
			for name := range own.Header {
				if original := tt.original[name]; original != nil && reflect.DeepEqual(msg.Header[name], original) {
					t.Errorf("%s is the original's", name)
				}
			}
			copied := nats.Header{}
			plain := message(t, fullWithout(), 0).Header
			for name, values := range msg.Header {
				if _, ours := plain[name]; !ours {
					copied[name] = values
				}
			}
			if !reflect.DeepEqual(copied, tt.copied) {
				t.Errorf("copied %v, want %v", copied, tt.copied)
			}
			parsed, err := Parse(msg.Subject, msg.Header, msg.Data)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.roundTrip
			if want == nil {
				want = tt.original
			}
			if !reflect.DeepEqual(parsed.Header, want) {
				t.Errorf("came back as %v, want %v", parsed.Header, want)
			}
		})
	}
}

func fullWithout() *Letter {
	l := full()
	l.Header = nil
	return l
}

func TestMessageCleansText(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "currency: no such one", "currency: no such one"},
		{"other scripts", "número inválido 請求", "número inválido 請求"},
		{"lines", "a\r\nb\tc", "a  b c"},
		{"control characters", "a\x00b\x1bc\x7fd\u0085e\u009ff", "a b c d e f"},
		{"line separators", "a\u2028b\u2029c", "a b c"},
		{"not UTF-8", "a\xff\xfeb", "a\uFFFDb"},
		{"outer spaces", " \n a b \x00", "a b"},
		{"nothing else", "\r\n\t ", ""},
		{"too long", strings.Repeat("é", 600), strings.Repeat("é", 512)},
		{"too long, cut within a character", "x" + strings.Repeat("é", 600), "x" + strings.Repeat("é", 511)},
		{"just as long", strings.Repeat("x", 1024), strings.Repeat("x", 1024)},
		{"cut before a space", strings.Repeat("x", 1023) + " y", strings.Repeat("x", 1023)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := full()
			l.Detail = tt.text
			header := message(t, l, 0).Header
			if got := header.Get("Deadletter-Detail"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if _, there := header["Deadletter-Detail"]; there != (tt.want != "") {
				t.Errorf("header there: %v", there)
			}
		})
	}
}

func TestMessageKeepsTheLimit(t *testing.T) {
	l := full()
	l.Data = bytes.Repeat([]byte("x"), 1000)
	whole := size(message(t, l, 0))
	l.BodyOmitted = true
	noBody := size(message(t, l, 0))
	l.HeadersOmitted = true
	least := size(message(t, l, 0))
	l.BodyOmitted, l.HeadersOmitted = false, false
	if whole <= noBody || noBody <= least {
		t.Fatalf("sizes %d, %d, %d do not fall", whole, noBody, least)
	}
	for _, tt := range []struct {
		name          string
		limit         int64
		omitted       string
		body, headers bool
	}{
		{"no limit", 0, "", true, true},
		{"just fits", whole, "", true, true},
		{"one byte over", whole - 1, "body", false, true},
		{"just fits without the body", noBody, "body", false, true},
		{"one byte over without the body", noBody - 1, "body, headers", false, false},
		{"just fits with neither", least, "body, headers", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg := message(t, l, tt.limit)
			if got := msg.Header.Get("Deadletter-Omitted"); got != tt.omitted {
				t.Errorf("omitted %q, want %q", got, tt.omitted)
			}
			if got := len(msg.Data) > 0; got != tt.body {
				t.Errorf("body there: %v", got)
			}
			if got := msg.Header.Get("ce-id") == "1"; got != tt.headers {
				t.Errorf("headers there: %v", got)
			}
			if tt.limit > 0 && size(msg) > tt.limit {
				t.Errorf("%d bytes, limit %d", size(msg), tt.limit)
			}
			parsed, err := Parse(msg.Subject, msg.Header, msg.Data)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.BodyOmitted == tt.body || parsed.HeadersOmitted == tt.headers {
				t.Errorf("parsed as omitted: body %v, headers %v", parsed.BodyOmitted, parsed.HeadersOmitted)
			}
			if !tt.headers && parsed.Header != nil {
				t.Errorf("headers %v", parsed.Header)
			}
		})
	}
	if _, err := l.Message(least - 1); err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("below the least: %v", err)
	}
}

// JetStream takes no more than 64 KiB of headers, however small the body is.
func TestMessageKeepsTheLimitOfHeaders(t *testing.T) {
	l := full()
	l.Header = nats.Header{"X-Big": {strings.Repeat("x", 64<<10)}}
	msg := message(t, l, 1<<20)
	if got := msg.Header.Get("Deadletter-Omitted"); got != "headers" {
		t.Errorf("omitted %q", got)
	}
	if !bytes.Equal(msg.Data, l.Data) {
		t.Error("the body is not there")
	}
}

// size is what the server holds against its limit.
func size(msg *nats.Msg) int64 { return int64(msg.Size() - len(msg.Subject)) }

func TestMessageRefusesWhatCouldNotBeReplayed(t *testing.T) {
	for name, spoil := range map[string]func(*Letter){
		"no subject":             func(l *Letter) { l.Subject = "" },
		"reason out of the set":  func(l *Letter) { l.Reason = "tired" },
		"no event":               func(l *Letter) { l.Event = "" },
		"event without a time":   func(l *Letter) { l.Event = "BILLING.7" },
		"event with a line end":  func(l *Letter) { l.Event = "BIL\nLING.7.1" },
		"id of another event":    func(l *Letter) { l.EventID = "BILLING.8.1779101999123456789.1" },
		"id of another replay":   func(l *Letter) { l.EventID = l.Event + ".12" },
		"hash with a line end":   func(l *Letter) { l.EventID += ".ab\ncd" },
		"hash that is too long":  func(l *Letter) { l.EventID += "." + strings.Repeat("a", 65) },
		"sequence with a nought": func(l *Letter) { l.Event = "BILLING.07.1" },
	} {
		t.Run(name, func(t *testing.T) {
			l := full()
			spoil(l)
			if msg, err := l.Message(0); err == nil {
				t.Errorf("made %v", msg)
			}
		})
	}
}
