package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

var foreign = []string{
	"", "plain ü 東京", "\x1b[2J\x1b]0;title\x07", "a\r\nb\tc", "\u202egnp.exe", "\u2066x\u2069", "\x9b31m", "\xff\xfe", "\u200b\u2028", "\U000e0041", strings.Repeat("w ", 100),
}

// printable says that a text moves no terminal; lines end in line breaks.
func printable(t *testing.T, s string, lines int) {
	t.Helper()
	if !utf8.ValidString(s) || strings.Count(s, "\n") != lines || strings.ContainsFunc(strings.ReplaceAll(s, "\n", ""), unprintable) {
		t.Fatalf("it moves a terminal: %q", s)
	}
}

func FuzzVisible(f *testing.F) {
	for _, seed := range foreign {
		f.Add(seed, 20)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		shown := visible(s)
		printable(t, shown, 0)
		if utf8.ValidString(s) && !strings.ContainsFunc(s, unprintable) && shown != s {
			t.Fatalf("%q is shown as %q", s, shown)
		}
		if visible(shown) != shown {
			t.Fatalf("%q, shown again, is %q", shown, visible(shown))
		}
		if width < 1 || width > 500 {
			return
		}
		if rows := fold(shown, width); strings.Join(strings.Fields(strings.Join(rows, " ")), "") != strings.Join(strings.Fields(shown), "") {
			t.Fatalf("%q is folded into %q", shown, rows)
		}
		if cut := snipInside(shown, width); text.StringWidthWithoutEscSequences(cut) > width {
			t.Fatalf("%q is cut to %d columns as %q", shown, width, cut)
		}
	})
}

func FuzzWriteLine(f *testing.F) {
	for _, seed := range foreign {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		if err := writeLine(&out, map[string]string{"a": s}); err != nil {
			t.Fatal(err)
		}
		printable(t, out.String(), 1)
		var back map[string]string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["a"] != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Fatalf("%q is read back as %q, %v", s, back["a"], err)
		}
	})
}

// Whatever lies in the stream, tail prints one line of it that moves no terminal.
func FuzzTail(f *testing.F) {
	f.Add(true, "link.created:t", []byte(`{"kind":"payment_link","checkoutToken":"t","url":"https://a.example/t"}`))
	for _, seed := range foreign {
		data, _ := json.Marshal(map[string]string{"kind": seed, "checkoutToken": seed, "reason": seed, "detail": seed, "deadLetter": seed})
		f.Add(false, seed, data)
		f.Add(true, "x", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, created bool, id string, data []byte) {
		msg := &jetstream.RawStreamMsg{Subject: events.SubjectLinkFailed, Header: nats.Header{"Nats-Msg-Id": {id}}, Data: data}
		if created {
			msg.Subject = events.SubjectLinkCreated
		}
		for name, print := range printers {
			var out bytes.Buffer
			if err := print(&out, time.Unix(1779098400, 0).UTC(), msg, false); err != nil {
				t.Fatal(err)
			}
			printable(t, out.String(), 1)
			if name == "json" && !json.Valid(out.Bytes()) {
				t.Fatalf("no JSON: %q", out.String())
			}
		}
	})
}

// Whatever is given to emit, its events are JSON each, and an error quotes nothing of it.
func FuzzInput(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `[{"a":1},{"b":2}]`, "{}\n{}\n", `[[{}]]`, `[1,`, `{"a":1}}`, "\xff", `"\u0000"`, `]`, `{"Zq7":tru}`, "\x1b[2J"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &input{name: "standard input", file: bytes.NewReader(data)}
		count := 0
		for item, err := range in.events() {
			count++
			if err != nil {
				if strings.ContainsFunc(err.Error(), unicode.IsControl) || len(err.Error()) > 200 {
					t.Fatalf("unclean: %q", err)
				}
				continue
			}
			if item.number != count || !bytes.Contains(data, bytes.TrimSpace(item.data)) || len(item.data) > maxInputEvent {
				t.Fatalf("event %d is number %d: %q", count, item.number, item.data)
			}
		}
	})
}

// Times and ids that a person gives are understood, or said to be wrong without moving a terminal.
func FuzzGiven(f *testing.F) {
	for _, seed := range append([]string{"2h", "-2h", "2026-05-18T11:00:00Z", "7", "0", "18446744073709551616", "1e3"}, foreign...) {
		f.Add(seed)
	}
	now := time.Unix(1779098400, 0)
	f.Fuzz(func(t *testing.T, s string) {
		_, momentErr := momentOf("--since", s, now)
		ids, idsErr := readIDs([]string{s, s})
		if idsErr == nil && (len(ids) != 1 || ids[0] == 0) {
			t.Fatalf("%q gives %v", s, ids)
		}
		for _, err := range []error{momentErr, idsErr} {
			var usage usageError
			if err != nil && (!errors.As(err, &usage) || strings.ContainsFunc(err.Error(), unicode.IsControl)) {
				t.Fatalf("%q: %q", s, err)
			}
		}
	})
}
