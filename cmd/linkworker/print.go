package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// printing writes events to out.
type printing struct {
	out   io.Writer
	print printer
	count int
}

// printer writes one event, the first one perhaps after a head.
type printer func(out io.Writer, stored time.Time, msg *jetstream.RawStreamMsg, first bool) error

var printers = map[string]printer{"table": printRow, "json": printJSON}

func (p *printing) message(msg *jetstream.RawStreamMsg) error {
	p.count++
	return p.print(p.out, msg.Time.UTC(), msg, p.count == 1)
}

const rowFormat = "%-20s  %-12s  %-16s  %-24s  %s\n"

// printRow prints a row of a table. Its columns have fixed widths, because rows
// come one by one.
func printRow(out io.Writer, stored time.Time, msg *jetstream.RawStreamMsg, first bool) error {
	if first {
		if _, err := fmt.Fprintf(out, rowFormat, "TIME", "EVENT", "KIND", "CHECKOUT TOKEN", "URL OR REASON"); err != nil {
			return err
		}
	}
	kind, token, rest := "-", "-", "not readable"
	notice, err := events.DecodeNotice(msg.Subject, msg.Header, msg.Data)
	switch {
	case err != nil:
	case notice.Created != nil:
		kind, token, rest = string(notice.Created.Kind), notice.Created.CheckoutToken, notice.Created.URL
	default:
		f := notice.Failed
		kind, token, rest = string(f.Kind), f.CheckoutToken, f.Reason
		for _, more := range []string{f.Code, f.Detail} {
			if more != "" {
				rest += ": " + more
			}
		}
		rest += " (dead letter " + f.DeadLetter + ")"
	}
	if token == "" {
		token = "-"
	}
	_, err = fmt.Fprintf(out, rowFormat, stored.Format(time.RFC3339), msg.Subject, visible(kind), visible(token), visible(rest))
	return err
}

// printJSON prints the event whole, as one line.
func printJSON(out io.Writer, stored time.Time, msg *jetstream.RawStreamMsg, _ bool) error {
	line := struct {
		ID      string          `json:"id"`
		Subject string          `json:"subject"`
		Time    time.Time       `json:"time"`
		Data    json.RawMessage `json:"data"`
	}{msg.Header.Get("Nats-Msg-Id"), msg.Subject, stored, msg.Data}
	if notice, err := events.DecodeNotice(msg.Subject, msg.Header, msg.Data); err == nil {
		line.ID = notice.ID
	}
	if !jsontext.Value(line.Data).IsValid() {
		// Somebody else's, then: shown as a string, so that a line stays JSON.
		text, err := json.Marshal(string(msg.Data))
		if err != nil {
			return err
		}
		line.Data = text
	}
	return writeLine(out, line)
}
