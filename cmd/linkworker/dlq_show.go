package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/deadletter"
)

func newDLQShowCommand(a *app) *cobra.Command {
	var f dlqFlags
	cmd := &cobra.Command{
		Use:   "show ID [flags]",
		Short: "Show all of a dead letter, and what to do about it",
		Long: `Show all of a dead letter: what was asked, what the vendor said, what was tried when
and by which worker, what this usually means and what to do, headers and body.
The body is the payer's data.

With -o json, all of it on one line, headers and body as they are stored.`,
		Example: `  linkworker dlq show 7
  linkworker dlq show 7 -o json | jq -r '.body | fromjson'`,
		Args: positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.read(time.Now()); err != nil {
				return err
			}
			ids, err := readIDs(args)
			if err != nil {
				return err
			}
			cfg, err := a.load(cmd, config.GroupNATS)
			if err != nil {
				return err
			}
			a.warn(cfg)
			return a.withDLQ(cmd.Context(), cfg, f.stream, func(ctx context.Context, d *dlq) error {
				w, err := d.whole(ctx, ids[0])
				if err != nil {
					return err
				}
				if f.json() {
					return writeLine(a.stdout, w.line())
				}
				return a.showLetter(w)
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.addOutput(flags)
	f.addStream(flags)
	uses(cmd, config.GroupNATS)
	return cmd
}

// whole is a letter with its event's body, wherever that lies.
type whole struct {
	*deadletter.Entry
	body []byte
	// from says where the body was read, where the letter does not have it.
	from string
	// lost says that it is nowhere any more.
	lost bool
	// unread is why it could not be read from there: this user may not.
	unread error
}

func (d *dlq) whole(ctx context.Context, id uint64) (*whole, error) {
	entry, err := d.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	w := &whole{Entry: entry, body: entry.Message.Data}
	if l := entry.Letter; l != nil && l.BodyOmitted {
		_, w.body, err = d.Original(ctx, l)
		w.from = l.Stream + " " + idText(l.Sequence)
		switch missing := d.missing(); {
		case errors.Is(err, deadletter.ErrNoOriginal):
			w.lost = true
		case err != nil && missing != nil:
			w.unread = missing
		case err != nil:
			return nil, fmt.Errorf("dead letter %d: %w", id, err)
		}
	}
	return w, nil
}

// wholeLine is a letter for programs and for records: all there is.
type wholeLine struct {
	ID            string              `json:"id"`
	Subject       string              `json:"subject"`
	CheckoutToken string              `json:"checkoutToken,omitzero"`
	Reason        deadletter.Reason   `json:"reason,omitzero"`
	Code          string              `json:"code,omitzero"`
	Type          string              `json:"type,omitzero"`
	Status        int                 `json:"status,omitzero"`
	TraceID       string              `json:"traceId,omitzero"`
	Detail        string              `json:"detail,omitzero"`
	Attempts      int                 `json:"attempts"`
	Replays       int                 `json:"replays"`
	Time          time.Time           `json:"time"`
	Headers       map[string][]string `json:"headers"`
	// HeadersBase64 has those with a value that is not UTF-8.
	HeadersBase64 map[string][]string `json:"headersBase64,omitzero"`
	Body          *string             `json:"body,omitzero"`
	BodyBase64    *string             `json:"bodyBase64,omitzero"`
	BodyFrom      string              `json:"bodyFrom,omitzero"`
	BodyLost      bool                `json:"bodyLost,omitzero"`
	BodyUnread    string              `json:"bodyUnread,omitzero"`
}

func (w *whole) line() wholeLine {
	line := wholeLine{ID: idText(w.ID), Subject: w.Message.Subject, Time: w.Stored, Headers: map[string][]string{}, BodyFrom: w.from, BodyLost: w.lost}
	if l := w.Letter; l != nil {
		line.Subject, line.CheckoutToken, line.Reason, line.Code, line.Type = l.Subject, l.Token, l.Reason, l.Code, l.Type
		line.Status, line.TraceID, line.Detail, line.Attempts, line.Replays = l.Status, l.TraceID, l.Detail, l.Attempts, l.Replays
	}
	for name, values := range w.Message.Header {
		if utf8.ValidString(name + strings.Join(values, "")) {
			line.Headers[name] = values
			continue
		}
		if line.HeadersBase64 == nil {
			line.HeadersBase64 = map[string][]string{}
		}
		for _, value := range values {
			line.HeadersBase64[name] = append(line.HeadersBase64[name], base64.StdEncoding.EncodeToString([]byte(value)))
		}
	}
	body := string(w.body)
	switch {
	case w.lost:
	case w.unread != nil:
		line.BodyUnread = w.unread.Error()
	case utf8.Valid(w.body):
		line.Body = &body
	default:
		body = base64.StdEncoding.EncodeToString(w.body)
		line.BodyBase64 = &body
	}
	return line
}

// proseWidth is how wide sentences are at most.
const proseWidth = 96

// showLetter prints a letter for people.
func (a *app) showLetter(w *whole) error {
	p := &page{width: proseWidth, colours: a.colours(a.stdout)}
	if width := widthOf(a.stdout); width > 0 {
		p.width = min(width, proseWidth)
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
			p.line("  " + visible(name) + ": " + visible(value))
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
	width   int
	colours bool
}

func (p *page) line(s string) { p.WriteString(s + "\n") }

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
		p.line("  " + text.Pad(name, 14, ' ') + "  " + visible(value))
	}
}

// prose prints a sentence under a mark.
func (p *page) prose(mark, sentence string) {
	indent := strings.Repeat(" ", len(mark))
	for i, row := range strings.Split(text.WrapSoft(sentence, max(20, p.width-len(mark))), "\n") {
		if i == 0 {
			p.line(mark + strings.TrimRight(row, " "))
		} else {
			p.line(indent + strings.TrimRight(row, " "))
		}
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
