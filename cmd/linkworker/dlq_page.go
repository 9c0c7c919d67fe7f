package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/linkworker/linkworker/worker/deadletter"
)

// proseWidth is how wide sentences are at most.
const proseWidth = 80

// showLetter prints a letter for people.
func (a *app) showLetter(w *whole) error {
	p := &page{width: proseWidth, terminal: widthOf(a.stdout), colours: a.colours(a.stdout)}
	if p.terminal > 0 {
		p.width = min(p.terminal, proseWidth)
	}
	p.head("Dead letter " + idText(w.ID))
	if w.Letter == nil {
		p.pair("stored", w.Stored.Format(time.RFC3339))
		p.pair("no dead letter", w.Fault.Error())
	} else {
		p.letter(w.Letter, w.Stored, idText(w.ID))
	}
	p.head("Headers")
	for _, name := range slices.Sorted(maps.Keys(w.Message.Header)) {
		for _, value := range w.Message.Header[name] {
			p.value("  "+visible(name)+": ", 6, value)
		}
	}
	switch {
	case w.lost:
		p.head("Body")
		p.line("  left out of the letter for its size, and gone from " + visible(w.from))
	case w.unread != nil:
		p.head("Body")
		p.prose("  ", "left out of the letter for its size, and not read from "+visible(w.from)+": "+visible(w.unread.Error()))
	case w.from != "":
		p.head("Body, from " + w.from)
		p.body(w.body)
	default:
		p.head("Body")
		p.body(w.body)
	}
	_, err := io.WriteString(a.stdout, p.String())
	return err
}

// page is a text for people in the making.
type page struct {
	strings.Builder
	width    int // of sentences
	terminal int // 0: none, and a value is one line
	colours  bool
}

func (p *page) line(s string) { _, _ = p.WriteString(s + "\n") } // never fails

func (p *page) head(s string) {
	if p.Len() > 0 {
		p.line("")
	}
	if s = visible(s); p.colours {
		s = text.Colors{text.Bold}.Sprint(s)
	}
	p.line(s)
}

// pair prints a name and its value, which is foreign text.
func (p *page) pair(name, value string) {
	if value != "" {
		p.value("  "+text.Pad(name, 14, ' ')+"  ", 18, value)
	}
}

// value prints foreign text behind its name, and on a terminal what is long under it.
func (p *page) value(name string, indent int, value string) {
	value = visible(value)
	if p.terminal > 0 {
		p.folded(name, strings.Repeat(" ", indent), value, p.terminal)
	} else {
		p.line(name + value)
	}
}

// prose prints a sentence under a mark. A command in it stays in one piece.
func (p *page) prose(mark, sentence string) {
	whole := advised.ReplaceAllStringFunc(sentence, func(s string) string { return strings.ReplaceAll(s, " ", noBreak) })
	p.folded(mark, strings.Repeat(" ", len(mark)), whole, p.width)
}

// advised is a command in an advice.
var advised = regexp.MustCompile(`linkworker dlq [^;]*`)

// noBreak is a blank at which no line ends.
const noBreak = "\u00a0"

func (p *page) folded(mark, indent, sentence string, width int) {
	taken := max(text.StringWidthWithoutEscSequences(mark), len(indent))
	for i, row := range fold(sentence, max(20, width-taken)) {
		if i > 0 {
			mark = indent
		}
		p.line(mark + strings.ReplaceAll(row, noBreak, " "))
	}
}

func (p *page) letter(l *deadletter.Letter, stored time.Time, id string) {
	p.pair("subject", l.Subject)
	p.pair("checkoutToken", l.Token)
	p.pair("asked", moment(l.Time))
	p.pair("died", moment(stored))
	p.pair("reason", string(l.Reason))
	p.pair("detail", l.Detail)
	p.pair("replays", strconv.Itoa(l.Replays))
	p.head("What the vendor said")
	if l.Status == 0 && l.Code == "" && l.TraceID == "" {
		p.line("  nothing that is known")
	} else {
		if l.Status > 0 {
			p.pair("status", strconv.Itoa(l.Status))
		}
		p.pair("code", l.Code)
		p.pair("type", l.Type)
		p.pair("traceId", l.TraceID)
	}
	p.head("What was tried")
	p.pair("calls", strconv.Itoa(l.Attempts))
	p.pair("first", moment(l.FirstAttempt))
	p.pair("last", moment(l.LastAttempt))
	p.pair("worker", l.Worker)
	p.pair("event", l.EventID)
	p.pair("message", l.Stream+" "+idText(l.Sequence))
	p.pair("identity", l.Identity)
	p.pair("Nats-Msg-Id", l.MsgID)
	if advice, ok := deadletter.AdviceFor(l.Reason); ok {
		p.head("What this usually means")
		p.prose("  ", advice.Meaning)
		p.prose("  ", advice.Cause)
		p.head("What to do")
		for _, step := range advice.Do {
			p.prose("  - ", withID(step, id))
		}
	}
}

// withID puts the letter's id where the advice has a place for it.
func withID(step, id string) string { return strings.ReplaceAll(step, " ID", " "+id) }

// moment is a time, or "" for one that is not known.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// body prints JSON indented, other text as it is, and what is no text as base64.
func (p *page) body(body []byte) {
	pretty := jsontext.Value(bytes.Clone(body))
	shown := string(body)
	switch {
	case len(body) == 0:
		shown = "(empty)"
	case pretty.Indent(jsontext.WithIndent("  ")) == nil:
		shown = string(escapeJSON(pretty))
	case !utf8.Valid(body):
		shown = "(not UTF-8, here in base64) " + base64.StdEncoding.EncodeToString(body)
	}
	for row := range strings.Lines(shown) {
		p.line("  " + visible(strings.TrimRight(row, "\r\n")))
	}
}
