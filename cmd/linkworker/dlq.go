package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/deadletter"
)

func newDLQCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq COMMAND",
		Short: "Find, understand, mend and replay dead letters",
		Long: `Look after dead letters: the events that the worker could make nothing of. Each has
an id, which link.failed names as deadLetter.

  linkworker dlq ls --group reason,code,detail   what is behind them
  linkworker dlq show 7                          one of them, and what to do
  linkworker dlq replay --code 11 --dry-run      what would become of these
  linkworker dlq replay --code 11 --canary 5     try five, then the others

A dead letter holds payers' data until it is replayed or discarded; show, edit and
discard print it.`,
		Args: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(newDLQLsCommand(a), newDLQShowCommand(a), newDLQReplayCommand(a), newDLQEditCommand(a), newDLQDiscardCommand(a))
	for _, sub := range cmd.Commands() {
		sub.DisableFlagsInUseLine = true
	}
	return cmd
}

// dlqFlags are those that say which letters are meant, and how they are shown.
type dlqFlags struct {
	filter       deadletter.Filter
	reason       string
	since, until string
	stream       string
	output       string
}

func (f *dlqFlags) addFilter(flags *pflag.FlagSet) {
	flags.StringVar(&f.filter.Token, "token", "", "only of this checkoutToken; * stands for any text, slashes too, ? for one character, [a-z] for one of a set")
	flags.StringVar(&f.filter.Subject, "subject", "", "only of events of this subject: invoice.issued or session.requested")
	flags.StringVar(&f.reason, "reason", "", "only with this reason: invalid_event, conflict, rejected, exhausted or panic")
	flags.StringVar(&f.filter.Code, "code", "", "only with this error code of the vendor")
	flags.StringVar(&f.since, "since", "", "only those that died since: an age such as 2h, or a time such as 2026-05-18T11:00:00Z")
	flags.StringVar(&f.until, "until", "", "only those that died before: an age or a time")
	flags.IntVar(&f.filter.Limit, "limit", 0, "only so many, the newest; 0: all")
}

func (f *dlqFlags) addStream(flags *pflag.FlagSet) {
	flags.StringVar(&f.stream, "stream", "", "the stream of dead letters, where their subjects are in several")
}

func (f *dlqFlags) addOutput(flags *pflag.FlagSet) {
	flags.StringVarP(&f.output, "output", "o", "table", "table or json")
}

// read checks the flags and works out what they mean at the time now.
func (f *dlqFlags) read(now time.Time) (err error) {
	if f.output != "" && f.output != "table" && f.output != "json" {
		return usagef("unknown output %q; there are table and json", f.output)
	}
	f.filter.Reason = deadletter.Reason(f.reason)
	if f.filter.Since, err = momentOf("--since", f.since, now); err != nil {
		return err
	}
	if f.filter.Until, err = momentOf("--until", f.until, now); err != nil {
		return err
	}
	if !f.filter.Since.IsZero() && !f.filter.Until.IsZero() && !f.filter.Since.Before(f.filter.Until) {
		return usagef("--since is not before --until, so nothing lies between them")
	}
	if err := f.filter.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

func (f *dlqFlags) json() bool { return f.output == "json" }

// momentOf reads a time or an age; the zero time is for the empty text.
func momentOf(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, usagef("%s %q is neither an age such as 2h nor a time such as 2026-05-18T11:00:00Z", flag, text)
}

// readIDs reads ids of dead letters; one that is given twice counts once.
func readIDs(args []string) ([]uint64, error) {
	var ids []uint64
	for _, arg := range args {
		id, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || id == 0 {
			return nil, usagef("%q is no id of a dead letter; linkworker dlq ls shows them", arg)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// narrows reports whether a flag was given that says which letters are meant.
func (f *dlqFlags) narrows() bool {
	return f.filter.Token != "" || f.filter.Subject != "" || f.reason != "" || f.filter.Code != "" || f.since != "" || f.until != ""
}

// dlq is the store of dead letters with a connection to it.
type dlq struct {
	*deadletter.Store
	*guarded
	app *app
}

// withDLQ calls use with the dead letters of the stream, or of the one that carries them where none is named.
func (a *app) withDLQ(ctx context.Context, cfg *config.Config, stream string, use func(context.Context, *dlq) error) error {
	easeCollector(collectorOfReader)
	g, err := openGuarded(cfg, nil)
	if err != nil {
		return err
	}
	defer g.close()
	ctx, end := g.within(ctx)
	defer end()
	store, err := deadletter.Open(ctx, g.js, stream)
	switch {
	case errors.Is(err, deadletter.ErrNoStream):
		return fmt.Errorf("%w; make it with linkworker provision, or start linkworker run once", err)
	case err != nil:
		return g.explain(streamError("dead letters", err))
	}
	return g.explain(use(ctx, &dlq{Store: store, guarded: g, app: a}))
}

// send sends what is prepared, and is not interrupted.
func (d *dlq) send(ctx context.Context, r *deadletter.Replay) (*deadletter.Sent, error) {
	ctx, end := d.finishing(ctx)
	defer end()
	return d.Send(ctx, r)
}

// slowly is after how long a person is told what takes so long.
const slowly = time.Second

// list is [deadletter.Store.List]. Who waits for it on a terminal is told so.
func (d *dlq) list(ctx context.Context, f deadletter.Filter, yield func(*deadletter.Entry) error) error {
	if isTerminal(d.app.stderr) {
		timer := time.AfterFunc(slowly, func() { d.app.sayf("looking through the dead letters …") })
		defer timer.Stop()
	}
	return d.List(ctx, f, yield)
}

// userName is who runs the command, for the log.
func (a *app) userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	name, _ := a.lookup("USER")
	return name
}

// maxLoggedIDs bounds how many ids one log line lists.
const maxLoggedIDs = 20

// logChange keeps who changed what, and why.
func (a *app) logChange(cfg *config.Config, what, note string, ids []uint64, more ...any) {
	args := []any{"user", a.userName(), "count", len(ids)}
	if len(ids) > maxLoggedIDs {
		args = append(args, "first", slices.Min(ids), "last", slices.Max(ids))
	} else {
		args = append(args, "ids", ids)
	}
	if note != "" {
		args = append(args, "note", note)
	}
	a.newLogger(cfg).Info(what, append(args, more...)...)
}
