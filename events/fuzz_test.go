package events

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
)

func FuzzDecode(f *testing.F) {
	for _, tt := range invalidInvoices {
		f.Add(uint8(0), "", []byte(tt.data))
	}
	f.Add(uint8(1), "1", []byte(fullInvoice))
	f.Add(uint8(2), `"a%20b"`, []byte(`{"specversion":"1.0","id":"1","source":"/s","data":`+goodInvoice+`}`))
	f.Add(uint8(0), "", []byte(`{"specversion":"1.0","data_base64":"e30="}`))
	f.Add(uint8(4), "%ff", []byte(goodSession))
	f.Fuzz(func(t *testing.T, form uint8, id string, data []byte) {
		subject := SubjectInvoiceIssued
		if form&4 != 0 {
			subject = SubjectSessionRequested
		}
		header := nats.Header{}
		if form&1 != 0 {
			header["Ce-Id"], header["CE-SOURCE"] = []string{id}, []string{"/s"}
		}
		if form&2 != 0 {
			header["content-type"] = []string{"application/cloudevents+json; charset=utf-8"}
		}
		e, err := Decode(subject, header, data)
		if (e == nil) == (err == nil) {
			t.Fatalf("got %v and %v", e, err)
		}
		if err != nil {
			invalid := wantInvalid(t, e, err)
			if text := err.Error(); strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
				t.Fatalf("unclean: %q", text)
			}
			if len(err.Error()) > maxErrorBytes || invalid.Token != "" && !validToken(invalid.Token) {
				t.Fatalf("got %q, %v", invalid.Token, err)
			}
		} else {
			if Validate(subject, e.Data) != nil {
				t.Fatalf("%s is valid in its envelope only", data)
			}
			reachesAnyone(t, e)
		}
		if len(data) <= MaxEventBytes {
			waysAgree(t, subject, data)
		}
		_ = UnknownFields(subject, data)
	})
}

// reachesAnyone holds a valid event to what its values are put into later: ids, keys and headers.
func reachesAnyone(t *testing.T, e *Event) {
	t.Helper()
	if token := e.Token(); !validToken(token) || strings.ContainsFunc(token, unicode.IsControl) || len(token) > MaxTokenBytes {
		t.Fatalf("the token %q is valid", token)
	}
	for _, id := range []string{LinkCreatedID(e.Token(), SessionIdentity(e, "m-1")), LinkFailedID(e.ID), ReplayID(e.Source), DeadLetterID(CausationID(e, "m-1"))} {
		if percentEncode(id) != id || len(id) > 500 {
			t.Fatalf("the id %q does not fit a header", id)
		}
	}
}

// What DecodeNotice takes of a message that EncodeLinkCreated or EncodeLinkFailed makes is what was put in.
func FuzzDecodeNotice(f *testing.F) {
	f.Add(true, "link.created:t", []byte(`{"kind":"payment_link","checkoutToken":"t","url":"https://a.example/t","createdAt":"2026-05-18T11:00:00Z","metadata":{"a":[1]}}`))
	f.Add(false, "link.failed:S.1.2.0", []byte(`{"kind":"checkout_session","reason":"rejected","deadLetter":"7","failedAt":"2026-05-18T11:00:00Z","metadata":null}`))
	f.Add(true, "%00", []byte(`{"kind":7}`))
	f.Add(false, "", []byte(`[]`))
	f.Add(true, "\xff", []byte(`{"customer":{"email":"a@b.example"},"kind":"x","kind":"y"}`))
	f.Fuzz(func(t *testing.T, created bool, id string, data []byte) {
		subject := SubjectLinkFailed
		if created {
			subject = SubjectLinkCreated
		}
		n, err := DecodeNotice(subject, nats.Header{"ce-id": {id}}, data)
		if err != nil {
			if text := err.Error(); strings.ContainsFunc(text, unicode.IsControl) || len(text) > 200 {
				t.Fatalf("unclean: %q", text)
			}
			return
		}
		if n.ID == "" || (n.Created == nil) == (n.Failed == nil) {
			t.Fatalf("got %+v", n)
		}
		at := time.Date(2026, 5, 18, 11, 0, 0, 0, time.UTC)
		var msg *nats.Msg
		if created {
			msg, err = EncodeLinkCreated("/linkworker", n.ID, at, n.Created)
		} else {
			msg, err = EncodeLinkFailed("/linkworker", n.ID, at, n.Failed)
		}
		if err != nil {
			return // what lacks a required field is not written again
		}
		again, err := DecodeNotice(msg.Subject, msg.Header, msg.Data)
		if err != nil || again.ID != n.ID || !reflect.DeepEqual(sorted(again), sorted(n)) {
			t.Fatalf("%+v\nis read again as\n%+v, %v", n, again, err)
		}
	})
}

// sorted is a notice without what may be written in several ways: the blanks in metadata, and zones.
func sorted(n Notice) Notice {
	if n.Created != nil {
		c := *n.Created
		c.Metadata, c.CreatedAt, c.ExpiresAt = jsontext.Value(canonical(c.Metadata)), c.CreatedAt.UTC(), c.ExpiresAt.UTC()
		if c.Customer != nil && *c.Customer == (PublicCustomer{}) {
			c.Customer = nil
		}
		n.Created = &c
	}
	if n.Failed != nil {
		f := *n.Failed
		f.Metadata, f.FailedAt = jsontext.Value(canonical(f.Metadata)), f.FailedAt.UTC()
		n.Failed = &f
	}
	return n
}

func canonical(v jsontext.Value) string {
	if len(v) == 0 {
		return ""
	}
	text := jsontext.Value(bytes.Clone(v))
	if err := text.Canonicalize(); err != nil {
		return err.Error()
	}
	return string(text)
}

// An attribute's value passes a header unchanged, and nothing in a header is more than one line of ASCII.
func FuzzAttribute(f *testing.F) {
	for _, seed := range []string{"", "a b", "100%", "%41", "ñ\u202e", "\"a\\\"", "\r\nNats-TTL: 1s", "%zz%", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		encoded := percentEncode(value)
		if strings.ContainsFunc(encoded, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
			t.Fatalf("%q is written as %q", value, encoded)
		}
		decoded, err := attribute(nats.Header{"CE-Id": {encoded}}, "ce-id")
		if (err == nil) != utf8.ValidString(value) || err == nil && decoded != value {
			t.Fatalf("%q is written as %q and read as %q, %v", value, encoded, decoded, err)
		}
		// What others write in other ways is read, or refused, and valid in either case.
		if foreign, err := attribute(nats.Header{"ce-id": {value}}, "ce-id"); err == nil && !utf8.ValidString(foreign) {
			t.Fatalf("%q is read as %q", value, foreign)
		}
	})
}

func FuzzSafeID(f *testing.F) {
	f.Add("inv-1", "inv-2")
	f.Add("a b", "sha256-c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ac8ee6a2c7c2c2d")
	f.Add("\xff", "\xfe")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := SafeID(a), SafeID(b)
		if (x == y) != (a == b) || x == "" || len(x) > MaxTokenBytes || !unreserved(x) {
			t.Fatalf("%q and %q are %q and %q", a, b, x, y)
		}
	})
}
