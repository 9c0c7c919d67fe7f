package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/deadletter"
)

func newDLQDiscardCommand(a *app) *cobra.Command {
	var f dlqFlags
	var yes bool
	var note string
	cmd := &cobra.Command{
		Use:   "discard ID…|FILTERS [flags]",
		Short: "Print dead letters and remove them for good",
		Long: `Remove dead letters: their events are given up. Each letter is first printed whole,
as one JSON line (headers as an object; body as text, or as bodyBase64 where it is
not UTF-8): keep that output, it is all that is left.

It asks first; without a terminal it needs --yes. Who did it goes to the log on
standard error, with --note also why.`,
		Example: `  linkworker dlq discard 7 8 >>discarded.jsonl
  linkworker dlq discard --reason conflict --until 720h --note 'OPS-412' --yes >discarded.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := readIDs(args)
			if err != nil {
				return err
			}
			if err := f.read(time.Now()); err != nil {
				return err
			}
			if err := f.choose(ids, false); err != nil {
				return err
			}
			cfg, err := a.load(cmd, config.GroupNATS, config.GroupLog)
			if err != nil {
				return err
			}
			a.warn(cfg)
			return a.withDLQ(cmd.Context(), cfg, f.stream, func(ctx context.Context, d *dlq) error {
				return d.discard(ctx, cfg, &f, ids, yes, note)
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.addFilter(flags)
	flags.BoolVarP(&yes, "yes", "y", false, "do not ask")
	flags.StringVar(&note, "note", "", "why, for the log")
	f.addStream(flags)
	uses(cmd, config.GroupNATS, config.GroupLog)
	return cmd
}

// choose checks that it is said which letters are meant, and in one way.
func (f *dlqFlags) choose(ids []uint64, all bool) error {
	filtered := f.narrows() || f.filter.Limit > 0
	switch {
	case len(ids) > 0 && (filtered || all):
		return usagef("say ids or filters, not both")
	case len(ids) > 0 || all || f.narrows():
		return nil
	case filtered:
		return usagef("--limit alone does not say which; add a filter such as --reason")
	}
	return usagef("say which dead letters: their ids, or filters such as --reason")
}

func (d *dlq) discard(ctx context.Context, cfg *config.Config, f *dlqFlags, ids []uint64, yes bool, note string) (err error) {
	t := &targets{ids: ids, named: true}
	if len(ids) == 0 {
		if t, err = d.find(ctx, f); err != nil {
			return err
		}
	}
	if len(t.ids) == 0 {
		d.app.sayf("no dead letter matches; nothing was discarded")
		return nil
	}
	if !yes {
		if isTerminal(d.app.stdout) {
			d.app.sayf("They will be printed here alone; with >>FILE a file keeps them.")
		}
		if err := d.app.confirm(ctx, "Discard "+t.String()+" for good?"); err != nil {
			return err
		}
	}
	done, missing, err := d.discardAll(ctx, t)
	if len(done) > 0 {
		d.app.logChange(cfg, "dead letters discarded", note, done)
	}
	d.app.sayf("%s discarded, of %d", letters(len(done)), len(t.ids))
	if err == nil && missing > 0 && t.named {
		return errSilent
	}
	return err
}

// discardAll prints and removes one letter after the other.
func (d *dlq) discardAll(ctx context.Context, t *targets) (done []uint64, missing int, err error) {
	for _, id := range t.ids {
		if ctx.Err() != nil {
			return done, missing, errors.New("interrupted")
		}
		w, err := d.whole(ctx, id)
		if errors.Is(err, deadletter.ErrNotFound) {
			missing++
			d.app.sayf("%v", err)
			continue
		}
		if err == nil && w.unread != nil {
			err = w.unread
		}
		if err != nil {
			return done, missing, err
		}
		// What cannot be printed is not removed.
		if err := writeLine(d.app.stdout, w.line()); err != nil {
			return done, missing, err
		}
		if err := d.remove(ctx, id); err != nil {
			return done, missing, err
		}
		done = append(done, id)
	}
	return done, missing, nil
}

// remove removes a letter, and is not interrupted.
func (d *dlq) remove(ctx context.Context, id uint64) error {
	ctx, end := d.finishing(ctx)
	defer end()
	return d.Discard(ctx, id)
}
