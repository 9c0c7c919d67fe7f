package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
)

func newTailCommand(a *app) *cobra.Command {
	var all bool
	var since, output string
	var limit int
	cmd := &cobra.Command{
		Use:   "tail [flags]",
		Short: "Print link.created and link.failed as they come",
		Long: `Print link.created and link.failed events as they come, until SIGINT or SIGTERM
(exit 0) or until --limit events are printed. Nothing is acknowledged or taken
from anybody: notifiers get every event all the same.

As a table without payers' details, or with -o json whole: one object a line with
id, subject, time and data.`,
		Example: `  linkworker tail
  linkworker tail --since 2h
  linkworker tail --all -o json | jq -r 'select(.subject == "link.failed") | .data.reason'`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			show, ok := printers[output]
			if !ok {
				return usagef("unknown output %q; there are table and json", output)
			}
			from, err := startOf(all, since, time.Now())
			if err != nil {
				return err
			}
			if limit < 0 {
				return usagef("--limit must not be negative")
			}
			cfg, err := a.load(cmd, config.GroupNATS)
			if err != nil {
				return err
			}
			a.warn(cfg)
			return a.tail(cmd.Context(), cfg, from, limit, show)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&all, "all", false, "begin with the oldest event there is")
	flags.StringVar(&since, "since", "", "begin with the events after this: an age such as 2h, or a time such as 2026-05-18T11:00:00Z")
	flags.IntVar(&limit, "limit", 0, "end after so many events; 0: never")
	flags.StringVarP(&output, "output", "o", "table", "table or json")
	uses(cmd, config.GroupNATS)
	return cmd
}

// start is where to begin: with the oldest, after a time, or with what is new.
type start struct {
	all  bool
	time time.Time
}

func startOf(all bool, since string, now time.Time) (start, error) {
	switch {
	case all && since != "":
		return start{}, usagef("--all and --since exclude each other")
	case since == "":
		return start{all: all}, nil
	}
	if age, err := time.ParseDuration(since); err == nil && age >= 0 {
		return start{time: now.Add(-age)}, nil
	}
	if t, err := time.Parse(time.RFC3339, since); err == nil {
		return start{time: t}, nil
	}
	return start{}, usagef("--since %q is neither an age such as 2h nor a time such as 2026-05-18T11:00:00Z", since)
}

// errLimit ends a tail that has printed what it should.
var errLimit = errors.New("limit reached")

func (a *app) tail(ctx context.Context, cfg *config.Config, from start, limit int, show printer) error {
	g, err := openGuarded(cfg, a.natsFault,
		nats.DisconnectErrHandler(func(*nats.Conn, error) { a.sayf("lost the connection to NATS; reconnecting") }),
		nats.ReconnectHandler(func(*nats.Conn) { a.sayf("connected to NATS again") }))
	if err != nil {
		return err
	}
	// The handlers are not for the end that is meant.
	defer func() {
		g.nc.SetDisconnectErrHandler(nil)
		g.close()
	}()
	ctx, end := g.within(ctx)
	defer end()
	return g.explain(a.tailOn(ctx, g.js, from, limit, show))
}

// tailOn prints what comes until ctx ends.
func (a *app) tailOn(ctx context.Context, js jetstream.JetStream, from start, limit int, show printer) error {
	messages := make(chan *jetstream.RawStreamMsg)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	if err := follow(ctx, group, js, from, messages); err != nil {
		return err
	}
	group.Go(func() error {
		p := &printing{out: a.stdout, print: show}
		for limit == 0 || p.count < limit {
			select {
			case <-ctx.Done():
				return nil
			case msg := <-messages:
				if err := p.message(msg); err != nil {
					return err
				}
			}
		}
		return errLimit
	})
	if err := group.Wait(); !errors.Is(err, errLimit) {
		return err
	}
	return nil
}

// follow starts reading both subjects into messages, whichever streams carry
// them.
func follow(ctx context.Context, group *errgroup.Group, js jetstream.JetStream, from start, messages chan<- *jetstream.RawStreamMsg) error {
	var streams []string
	subjects := map[string][]string{}
	for _, subject := range []string{events.SubjectLinkCreated, events.SubjectLinkFailed} {
		stream, err := events.StreamOf(ctx, js, subject)
		if err != nil {
			return streamError(subject, err)
		}
		if subjects[stream] == nil {
			streams = append(streams, stream)
		}
		subjects[stream] = append(subjects[stream], subject)
	}
	for _, stream := range streams {
		filter := subjects[stream][0]
		if len(subjects[stream]) > 1 {
			filter = "" // the others are few, if there are any
		}
		log, err := history.Open(ctx, js, stream, filter)
		if err != nil {
			return fmt.Errorf("reading the stream %s: %w", stream, err)
		}
		first, err := from.first(ctx, log)
		if err != nil {
			return fmt.Errorf("reading the stream %s: %w", stream, err)
		}
		group.Go(func() error { return pass(ctx, log, first, subjects[stream], messages) })
	}
	return nil
}

// first is the sequence to begin with.
func (s start) first(ctx context.Context, log *history.Log) (uint64, error) {
	switch {
	case s.all:
		return 1, nil
	case !s.time.IsZero():
		return log.Since(ctx, s.time, 1, log.Last())
	}
	return log.Last() + 1, nil
}

// pass hands messages of the subjects on until ctx ends.
func pass(ctx context.Context, log *history.Log, first uint64, subjects []string, messages chan<- *jetstream.RawStreamMsg) error {
	for msg, err := range log.Follow(ctx, first) {
		if err != nil {
			return fmt.Errorf("reading on: %w", err)
		}
		if !slices.Contains(subjects, msg.Subject) {
			continue
		}
		select {
		case messages <- msg:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
