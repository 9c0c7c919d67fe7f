package deadletter

import (
	"bytes"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// Whatever lies in the stream, reading it does not fail but by an error, and what
// has been read can be written and read again without change.
func FuzzParse(f *testing.F) {
	for _, header := range []string{
		"Deadletter-Reason: panic\r\nDeadletter-Event: S.1.2\r\n",
		"Deadletter-Reason: rejected\r\nDeadletter-Event: S.1.2\r\nDeadletter-Replays: 3\r\nDeadletter-Edit: cafe\r\nDeadletter-Omitted: body, headers\r\n",
		"Deadletter-Reason: conflict\r\nDeadletter-Event: S.1.2\r\nDeadletter-Original-Nats-TTL: 1s\r\nDeadletter-Msg-Id: \" a\"\r\nce-id: 1\r\n",
		"Deadletter-Reason: exhausted\r\nDeadletter-Event: S.1.2\r\nDeadletter-Status: x\r\nDeadletter-Time: 2026-05-18T11:00:00+02:00\r\n",
		"Deadletter-Reason: panic\r\nDeadletter-Event: S.1.2\r\nDeadletter-Original-Deadletter-Reason: x\r\nDeadletter-Original-: y\r\n",
	} {
		f.Add("deadletter.invoice.issued", header, []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, subject, text string, data []byte) {
		header, err := nats.DecodeHeadersMsg([]byte("NATS/1.0\r\n" + text + "\r\n"))
		if err != nil {
			return
		}
		first, err := Parse(subject, header, data)
		if err != nil {
			return
		}
		second := again(t, first)
		if third := again(t, second); !reflect.DeepEqual(third, second) {
			t.Errorf("it changes from\n%+v to\n%+v", second, third)
		}
		if second.EventID != first.EventID || second.Reason != first.Reason || second.MsgID != uncarry(carryMsgID(first.MsgID)) {
			t.Errorf("it changes from\n%+v to\n%+v", first, second)
		}
	})
}

// again is l, written and read.
func again(t *testing.T, l *Letter) *Letter {
	t.Helper()
	msg, err := l.Message(0)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(msg.Subject, msg.Header, msg.Data)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// What is written into headers stands on one line each, and none of them acts on a server but our own id.
func FuzzMessage(f *testing.F) {
	f.Add("inv-1", "not \r\nNats-TTL: 1s", "request.r-1", "m-1", "Nats-Rollup", "all")
	f.Add("\x1b[2J", strings.Repeat("ü", 600), "\"", "\xff", "nats-expected-last-sequence", "0")
	f.Add("\u202e", "", "customer.\x00", strings.Repeat("x", 2000), "Deadletter-Reason", "panic")
	f.Fuzz(func(t *testing.T, token, detail, identity, msgID, name, value string) {
		l := &Letter{
			Subject: events.SubjectInvoiceIssued, Header: nats.Header{}, Data: []byte("{}"), Reason: ReasonRejected, Token: token, Detail: detail,
			Code: value, Type: token, TraceID: detail, Worker: value, Event: "BILLING.7.1", EventID: "BILLING.7.1.0", Identity: identity, MsgID: msgID,
		}
		if headerName.MatchString(name) && !strings.ContainsAny(value, "\r\n") {
			l.Header[name] = []string{value}
		}
		msg, err := l.Message(0)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range msg.Header {
			if strings.HasPrefix(strings.ToLower(name), natsPrefix) && name != jetstream.MsgIDHeader {
				t.Errorf("%s goes along", name)
			}
			if _, theirs := l.Header[name]; theirs || strings.HasPrefix(name, originalPrefix) {
				continue
			}
			for _, v := range values {
				if len(v) > maxValue+1 || strings.ContainsFunc(v, unicode.IsControl) || !utf8.ValidString(v) {
					t.Errorf("%s: %q", name, v)
				}
			}
		}
		parsed, err := Parse(msg.Subject, msg.Header, msg.Data)
		if err != nil || parsed.EventID != l.EventID || parsed.MsgID != uncarry(carryMsgID(msgID)) {
			t.Fatalf("it is read as %+v, %v", parsed, err)
		}
	})
}

var headerName = regexp.MustCompile(`^[!-9;-~]+$`)

// A pattern made of a text by taking each character's meaning away means that text alone.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"inv-1", "*", "inv-[0-9]?", `\[`, "[", "[]", "[^]a]", "[z-a]", `[\`, "\xff", "(?i)x", "inv\n1"} {
		f.Add(seed, "inv-1")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		filter := Filter{Token: pattern}
		match, err := filter.matcher()
		if err != nil {
			if !utf8.ValidString(err.Error()) || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("unclean: %q", err)
			}
		} else {
			match(nats.Header{headerToken: {text}}) // ends, whatever it says
		}
		if text == "" || clean(text) != text || len(text) > maxValue/4 {
			return // no letter carries such a token
		}
		var plain strings.Builder
		for _, r := range text {
			plain.WriteString(`\` + string(r))
		}
		for pattern, want := range map[string]bool{plain.String(): true, plain.String() + "*": true, plain.String() + "x": false, "?" + plain.String(): false} {
			match, err := Filter{Token: pattern}.matcher()
			if err != nil || match(nats.Header{headerToken: {text}}) != want {
				t.Fatalf("%q on %q: not %t, %v", pattern, text, want, err)
			}
		}
	})
}

// A field that was set is there, all else is as it was, and without it the rest is left.
func FuzzSetField(f *testing.F) {
	for _, path := range []string{"currency", "items[0].totalAmount", "customer.email", "metadata.a.b", "items[1].tax", "a..b", "items[-1]", "items[00]", "[0]", "x[9999999999]", "\x1b"} {
		f.Add([]byte(`{"checkoutToken":"t","items":[{"totalAmount":"1"}],"customer":{"email":"a"},"metadata":{"a":{}}}`), path, "CLP")
	}
	f.Add([]byte(`{"a":1,"a":2}`), "a", "3")
	f.Add([]byte("{\"a\":\"\xff\"}"), "b", `{"c":`)
	f.Add([]byte(`[1`), "a", "1")
	f.Fuzz(func(t *testing.T, data []byte, path, text string) {
		changed, err := SetField(events.SubjectInvoiceIssued, data, path, text)
		if err != nil {
			if !strings.Contains(err.Error(), path) && !strings.Contains(err.Error(), strings.Trim(strconv.Quote(path), `"`)) {
				t.Fatalf("%q does not name %q", err, path)
			}
			return
		}
		if !jsontext.Value(changed).IsValid(lenient...) {
			t.Fatalf("%q becomes %q", data, changed)
		}
		again, err := SetField(events.SubjectInvoiceIssued, changed, path, text)
		if err != nil || !bytes.Equal(again, changed) {
			t.Fatalf("%q, set again, is %q, %v", changed, again, err)
		}
		without, err := UnsetField(changed, path)
		if err != nil || !jsontext.Value(without).IsValid(lenient...) {
			t.Fatalf("%q without %s is %q, %v", changed, path, without, err)
		}
	})
}

// An origin that marks a message is read from it, and no header of somebody else's passes for a replay.
func FuzzOrigin(f *testing.F) {
	f.Add("BILLING.7.1795490526110218673", 1, "", "request.r-1", "m-1")
	f.Add("BILLING.7.1", 3, "cafe", "", "\x00")
	f.Add("a.b", -1, "x y", "\"", "")
	meta := &jetstream.MsgMetadata{Stream: "BILLING", Sequence: jetstream.SequencePair{Stream: 9}}
	f.Fuzz(func(t *testing.T, event string, replays int, hash, identity, msgID string) {
		o := Origin{Event: event, Replays: replays, Hash: hash, Identity: identity, MsgID: msgID}
		header := nats.Header{}
		o.Mark(header)
		for name, values := range header {
			if name != headerEvent && name != headerEdit && strings.ContainsFunc(values[0], unicode.IsControl) {
				t.Fatalf("%s: %q", name, values[0])
			}
		}
		got := OriginOf(header, meta)
		if validEvent(event) && validHash(hash) && replays > 0 {
			want := Origin{event, replays, hash, uncarry(carryIdentity(identity)), uncarry(carryMsgID(msgID))}
			if got != want {
				t.Fatalf("%+v is read as %+v", want, got)
			}
		} else if got.Replays != 0 {
			t.Fatalf("%+v passes for a replay", o)
		}
		header.Set(jetstream.MsgIDHeader, "another")
		if got := OriginOf(header, meta); got.Replays != 0 || got.MsgID != "another" {
			t.Fatalf("a letter published by hand passes for a replay: %+v", got)
		}
	})
}
