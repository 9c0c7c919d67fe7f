package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

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
