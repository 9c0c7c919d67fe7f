package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/deadletter"
)

func newDLQLsCommand(a *app) *cobra.Command {
	var f dlqFlags
	var group string
	cmd := &cobra.Command{
		Use:   "ls [flags]",
		Short: "List dead letters, newest first, or what is behind them",
		Long: `List dead letters, the newest first. On a terminal long tokens and details are cut;
linkworker dlq show ID has all of one.

With --group, count them by what they have in common: any of reason, code, detail,
status, type, subject and worker, the largest group first, each with its first and
last time and the id of one example. Tokens, quoted values, ids and numbers in
details are left out of account, so that one cause is one group.

With -o json, one object a line.`,
		Example: `  linkworker dlq ls --since 2h
  linkworker dlq ls --token 'invoice-2026/*' --reason conflict
  linkworker dlq ls --group reason,code,detail
  linkworker dlq ls --code 11 -o json | jq -r .checkoutToken`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.read(time.Now()); err != nil {
				return err
			}
			causes, err := groupingOf(cmd, group)
			if err != nil {
				return err
			}
			cfg, err := a.load(cmd, config.GroupNATS)
			if err != nil {
				return err
			}
			a.warn(cfg)
			return a.withDLQ(cmd.Context(), cfg, f.stream, func(ctx context.Context, d *dlq) error {
				if causes != nil {
					return d.group(ctx, &f, strings.Split(group, ","), causes)
				}
				return d.ls(ctx, &f)
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.addFilter(flags)
	flags.Lookup("limit").Usage = "only so many, the newest, or with --group the largest; 0: all"
	flags.StringVar(&group, "group", "", "count by these, comma-separated: reason, code, detail, status, type, subject, worker")
	f.addOutput(flags)
	f.addStream(flags)
	uses(cmd, config.GroupNATS)
	return cmd
}

// lsLine is a letter in a listing for programs. What is not known is absent.
type lsLine struct {
	ID            string            `json:"id"`
	Subject       string            `json:"subject"`
	CheckoutToken string            `json:"checkoutToken,omitzero"`
	Reason        deadletter.Reason `json:"reason"`
	Code          string            `json:"code,omitzero"`
	Status        int               `json:"status,omitzero"`
	TraceID       string            `json:"traceId,omitzero"`
	Detail        string            `json:"detail,omitzero"`
	Attempts      int               `json:"attempts"`
	Replays       int               `json:"replays"`
	Time          time.Time         `json:"time"`
}

func lineOf(e *deadletter.Entry) lsLine {
	l := e.Letter
	return lsLine{
		idText(e.ID), l.Subject, l.Token, l.Reason, l.Code, l.Status, l.TraceID, l.Detail, l.Attempts, l.Replays, e.Stored,
	}
}

func idText(id uint64) string { return strconv.FormatUint(id, 10) }

func (d *dlq) ls(ctx context.Context, f *dlqFlags) error {
	t, row := d.app.lsTable()
	foreign, found := 0, 0
	err := d.list(ctx, f.filter, func(e *deadletter.Entry) error {
		found++
		switch l := e.Letter; {
		case l == nil:
			foreign++
			d.app.sayf("message %d of the stream %s is left out: %s", e.ID, d.Name(), visible(e.Fault.Error()))
			return nil
		case f.json():
			return writeLine(d.app.stdout, lineOf(e))
		default:
			return t.row(row(e)...)
		}
	})
	if err != nil {
		return err
	}
	f.tellNone(d.app, found)
	if foreign > 0 {
		d.app.sayf("%d messages are no dead letters; linkworker dlq discard ID prints and removes one", foreign)
	}
	return t.flush()
}

// tellNone says to people that nothing was found.
func (f *dlqFlags) tellNone(a *app, found int) {
	switch {
	case found > 0 || f.json():
	case f.narrows():
		a.sayf("no dead letter matches")
	default:
		a.sayf("there are no dead letters")
	}
}

// narrow is below how many columns a terminal gets the shorter table.
const narrow = 120

// narrow reports whether what is printed goes to a terminal of few columns.
func (a *app) narrow() bool {
	width := widthOf(a.stdout)
	return width > 0 && width < narrow
}

// lsTable is the table of a listing, and what makes its rows.
func (a *app) lsTable() (*table, func(*deadletter.Entry) []string) {
	id, reason, code := column{title: "ID"}, column{title: "REASON", paint: text.Colors{text.FgYellow}}, column{title: "CODE"}
	token, detail := column{title: "CHECKOUT TOKEN", least: 10, inside: true}, column{title: "DETAIL", prose: true}
	if a.narrow() {
		t := a.newTable(id, column{title: "TIME (UTC)"}, column{title: "EVENT", least: 7}, token, reason, code, detail)
		return t, func(e *deadletter.Entry) []string {
			l := e.Letter
			event, _, _ := strings.Cut(l.Subject, ".")
			return []string{idText(e.ID), e.Stored.Format(shortTime), event, l.Token, string(l.Reason), l.Code, l.Detail}
		}
	}
	t := a.newTable(id, column{title: "TIME"}, column{title: "SUBJECT"}, token, reason, code, column{title: "REPLAYS"}, detail)
	return t, func(e *deadletter.Entry) []string {
		l := e.Letter
		return []string{
			idText(e.ID), e.Stored.Format(time.RFC3339), l.Subject, l.Token, string(l.Reason), l.Code, strconv.Itoa(l.Replays), l.Detail,
		}
	}
}

// slim is below how many columns a terminal has room for the shortest table alone.
const slim = 72

// shortTime is for narrow terminals, shortestTime for slim ones.
const (
	shortTime    = "01-02 15:04:05"
	shortestTime = "01-02 15:04"
)
