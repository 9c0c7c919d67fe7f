package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// TestHostileEvents: each ends in the one outcome that it must have, and what it holds gets out of no frame.
func TestHostileEvents(t *testing.T) {
	each(t, func(w *world) {
		w.ready()
		log := new(lockedBuffer)
		w.logged = log
		rows := hostileEvents()
		made := 0
		for i, row := range rows {
			header := nats.Header{}
			for name, values := range row.header {
				header[name] = values
			}
			header.Set("Nats-Msg-Id", rowID(i))
			w.publish(events.SubjectInvoiceIssued, header, strings.ReplaceAll(row.data, hostileToken, rowToken(i)))
			if row.fault == "" {
				made++
			}
		}
		w.start(nil)
		w.settled()
		w.count(made, 0, made, len(rows)-made)
		w.checkRows(rows)
		w.checkFrames(log.String())
	})
}

// TestHostileSessions: what makes a session request one may be anything that a header or a text can hold.
func TestHostileSessions(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		w.invoice("inv-1")
		w.settled()
		good := []struct {
			header nats.Header
			more   string
		}{
			{nats.Header{"Nats-Msg-Id": {strings.Repeat("m", 10_000)}}, ``},
			{nats.Header{"Nats-Msg-Id": {"request.r"}}, ``},
			{nats.Header{"ce-id": {"%0d%0a%1b%5b2J"}, "ce-source": {"a"}}, ``},
			{nats.Header{"ce-id": {strings.Repeat("%ff", 10) + "x"}, "ce-source": {"a"}, "Nats-Msg-Id": {"r"}}, `,"requestId":"r"`},
			{nil, `,"requestId":"` + strings.Repeat("€", 66) + `"`},
			{nil, `,"requestId":"sha256-"`},
			{nil, `,"x":` + nested(5_000)},
		}
		bad := []string{`,"requestId":"a\u0000"`, `,"requestId":"\r\nNats-Rollup: all"`, `,"requestId":"` + strings.Repeat("x", 201) + `"`, `,"requestId":1`,
			`,"customer":{}`, `,"customer":{"address":{}}`, `,"customer":{"email":7}`, `,"customer":[` + nested(100) + `]`}
		frame := `{"checkoutToken":"inv-1","customer":{"email":"jane@example.com\r\nBcc: x"}%s}`
		for _, g := range good {
			w.publish(events.SubjectSessionRequested, g.header, fmt.Sprintf(frame, g.more))
		}
		for _, more := range bad {
			w.publish(events.SubjectSessionRequested, nil, fmt.Sprintf(`{"checkoutToken":"inv-1"%s}`, more))
		}
		w.settled()
		broken := 1 // the envelope that is no UTF-8
		w.count(1, len(good)-broken, 1+len(good)-broken, len(bad)+broken)
		for _, l := range w.letters() {
			if l.Reason != deadletter.ReasonInvalidEvent || l.Token != "inv-1" || strings.ContainsFunc(l.Detail, unicode.IsControl) {
				w.t.Errorf("%+v", l)
			}
		}
	})
}

// TestLongValuesThatTheVendorRepeats: to mask them takes no time to speak of.
func TestLongValuesThatTheVendorRepeats(t *testing.T) {
	each(t, func(w *world) {
		long := strings.Repeat("a", 110_000)
		w.script(create, always(conomytest.Refusal(http.StatusBadRequest, "11", "invalidParam", "customer.firstName is too long: "+long)))
		w.start(nil)
		w.invoice("inv-1", `"customer":{"firstName":"`+long+`","lastName":"`+long+`b"}`)
		w.settled()
		w.count(0, 0, 0, 1)
		if l := w.letter(); l.Detail != "customer.firstName is too long: ***" {
			w.t.Errorf("%.100s", l.Detail)
		}
	})
}

// TestPanicsShowNothing: what a panic is about may be a payer's.
func TestPanicsShowNothing(t *testing.T) {
	each(t, func(w *world) {
		log := new(lockedBuffer)
		w.logged = log
		values := []any{"jane@example.com", errors.New("jane@example.com"), []byte("jane@example.com"), &events.Customer{Email: "jane@example.com"}, map[string]int(nil)}
		var next atomic.Int32
		w.start(func(r *running) {
			r.reached = func(_ *delivery, s step) {
				if s != stepCalled {
					return
				}
				switch v := values[int(next.Add(1))-1].(type) {
				case map[string]int:
					v["jane@example.com"]++
				default:
					panic(v)
				}
			}
		})
		for i := range values {
			w.invoice(rowToken(i), `"customer":{"email":"jane@example.com"}`)
		}
		w.settled()
		w.count(len(values), 0, 0, len(values))
		for _, l := range w.letters() {
			if l.Reason != deadletter.ReasonPanic || strings.Contains(fmt.Sprintf("%+v", l.Detail), "jane") {
				w.t.Errorf("%+v", l)
			}
		}
		if text := log.String(); strings.Contains(text, "jane") || strings.Count(text, "panic while working") != len(values) {
			w.t.Errorf("the log shows the payer, or not the panics:\n%s", text)
		}
	})
}

func rowID(i int) string    { return fmt.Sprintf("row-%d", i) }
func rowToken(i int) string { return fmt.Sprintf("t-%02d", i) }

// checkRows holds each event's outcome, found by what it was published as, against what is wanted.
func (w *world) checkRows(rows []hostileEvent) {
	w.t.Helper()
	letters, links := map[string]*deadletter.Letter{}, w.created()
	for _, l := range w.letters() {
		letters[l.MsgID] = l
	}
	for i, row := range rows {
		token := row.token
		if token == "" {
			token = rowToken(i)
		} else if token == noToken {
			token = ""
		}
		l := letters[rowID(i)]
		switch {
		case row.fault == "" && len(links[token]) == 1:
			if row.check != nil {
				row.check(w.t, links[token][0])
			}
		case row.fault == "":
			w.t.Errorf("%s: no link.created of %q", row.name, token)
		case l == nil:
			w.t.Errorf("%s: no dead letter", row.name)
		case l.Reason != deadletter.ReasonInvalidEvent || !strings.Contains(l.Detail, row.fault) || l.Token != token || len(l.Detail) > 1024:
			w.t.Errorf("%s: %s of %q: %s", row.name, l.Reason, l.Token, l.Detail)
		}
	}
}

// checkFrames looks for what has got out of the header or the line that it was put into.
func (w *world) checkFrames(log string) {
	w.t.Helper()
	for _, stream := range []string{events.StreamLinks, events.StreamDeadLetters} {
		for _, msg := range w.messages(stream) {
			for name, values := range msg.Header {
				if strings.ContainsFunc(name+strings.Join(values, ""), unicode.IsControl) {
					w.t.Errorf("%s: control characters in %q: %q", msg.Subject, name, values)
				}
			}
			var data struct {
				CheckoutToken string `json:"checkoutToken"`
			}
			if subject, ok := msg.Header["ce-subject"]; ok && stream == events.StreamLinks {
				decoded, err := url.PathUnescape(subject[0])
				if w.must(json.Unmarshal(msg.Data, &data)); err != nil || decoded != data.CheckoutToken {
					w.t.Errorf("ce-subject %q of the token %q", subject, data.CheckoutToken)
				}
			}
			if msg.Header.Get("Nats-Rollup") != "" || msg.Header.Get("Set-Cookie") != "" {
				w.t.Errorf("a header that nobody set: %v", msg.Header)
			}
		}
	}
	for line := range strings.Lines(log) {
		if !json.Valid([]byte(line)) || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), unicode.IsControl) {
			w.t.Errorf("a log line is broken: %q", line)
		}
	}
	if log == "" {
		w.t.Error("nothing was logged")
	}
}

// lockedBuffer is a log that workers write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(line)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
