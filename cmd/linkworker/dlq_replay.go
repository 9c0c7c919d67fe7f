package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// canaryWait bounds the wait for canaries where --wait does not say.
const canaryWait = 2 * time.Minute

func newDLQReplayCommand(a *app) *cobra.Command {
	r := replayer{app: a}
	cmd := &cobra.Command{
		Use:   "replay ID…|--all|FILTERS [flags]",
		Short: "Send dead letters' events to the worker again",
		Long: `Publish the events of dead letters to their subjects again, oldest first, and
remove each letter once its event is there. It may be interrupted anywhere and
repeated, and run twice at once: no event is lost and no link doubled. An event
that fails again becomes a new dead letter, with one replay more.

With --dry-run, say for each what would happen, from the event's schema and from
what Redis knows, and change nothing: create, resume (made at the vendor, only to be
published), published (nothing would come of it), conflict, invalid, wait (another
event has the token), sent (an interrupted replay), lost (too large for its letter,
and the original is gone).

With --wait, report what became of each: created, duplicate (told before), failed
(with the new dead letter), earlier (an interrupted replay that had ended), open
(nothing heard in time). With --canary N, send N of them, spread over all, wait for
what becomes of them (2m, where --wait does not say), and send the others only if
enough are created or duplicate.

More than one are asked for first; without a terminal that needs --yes. The exit code
is 0 when all were sent, whatever became of them.`,
		Example: `  linkworker dlq replay 7 --wait 30s
  linkworker dlq replay --reason exhausted --since 2h --dry-run
  linkworker dlq replay --code 11 --canary 5 --rate 20 --wait 5m
  linkworker dlq replay --all --yes -o json >replayed.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.read(args); err != nil {
				return err
			}
			groups := []config.Group{config.GroupNATS, config.GroupLog}
			if r.dryRun {
				groups = append(groups, config.GroupRedis)
			}
			cfg, err := a.load(cmd, groups...)
			if err != nil {
				return err
			}
			a.warn(cfg)
			return r.run(cmd.Context(), cfg)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&r.all, "all", false, "all dead letters")
	r.flags.addFilter(flags)
	flags.BoolVarP(&r.dryRun, "dry-run", "n", false, "only say what would happen")
	flags.Float64Var(&r.rate, "rate", 0, "at most so many a second; 0: no limit")
	flags.DurationVar(&r.wait, "wait", 0, "wait so long for what becomes of them, and report it")
	flags.IntVar(&r.canary, "canary", 0, "first send so many, and the others only if enough of these came to links")
	flags.IntVar(&r.canaryNeeds, "canary-needs", 100, "how many of a hundred canaries are enough")
	flags.BoolVarP(&r.yes, "yes", "y", false, "do not ask")
	flags.StringVar(&r.note, "note", "", "why, for the log")
	r.flags.addOutput(flags)
	r.flags.addStream(flags)
	uses(cmd, config.GroupNATS, config.GroupRedis, config.GroupLog)
	return cmd
}

// replayer is one run of dlq replay.
type replayer struct {
	app   *app
	flags dlqFlags
	ids   []uint64

	all, dryRun, yes    bool
	rate                float64
	wait                time.Duration
	canary, canaryNeeds int
	note                string

	d *dlq
}

func (r *replayer) read(args []string) (err error) {
	if r.ids, err = readIDs(args); err != nil {
		return err
	}
	if err := r.flags.read(time.Now()); err != nil {
		return err
	}
	switch {
	case r.all && r.flags.narrows():
		return usagef("--all and filters exclude each other")
	case !(r.rate >= 0 && r.rate <= 1e6): // so that NaN fails too
		return usagef("--rate must be from 0 to 1000000")
	case r.wait < 0:
		return usagef("--wait must not be negative")
	case r.canary < 0:
		return usagef("--canary must not be negative")
	case r.canaryNeeds < 1 || r.canaryNeeds > 100:
		return usagef("--canary-needs must be from 1 to 100")
	}
	return r.flags.choose(r.ids, r.all)
}

func (r *replayer) run(ctx context.Context, cfg *config.Config) error {
	return r.app.withDLQ(ctx, cfg, r.flags.stream, func(ctx context.Context, d *dlq) error {
		r.d = d
		return r.replay(ctx, cfg)
	})
}

func (r *replayer) replay(ctx context.Context, cfg *config.Config) (err error) {
	t := &targets{ids: r.ids, named: true}
	if len(r.ids) == 0 {
		if t, err = r.d.find(ctx, &r.flags); err != nil {
			return err
		}
	}
	switch {
	case len(t.ids) == 0:
		r.app.sayf("no dead letter matches; nothing was sent")
		return nil
	case r.dryRun:
		return r.foresee(ctx, cfg, t)
	case len(t.ids) > 1 && !r.yes:
		if err := r.app.confirm(ctx, "Replay "+t.String()+"?"); err != nil {
			return err
		}
	}
	if r.canary >= len(t.ids) { // what became of canaries is told, also where they are all there is
		r.wait = cmp.Or(r.wait, canaryWait)
	}
	s := &sending{replayer: r, cfg: cfg, targets: t, began: time.Now()}
	var watch *deadletter.Watch
	if r.wait > 0 || r.canary > 0 {
		if watch, err = deadletter.NewWatch(ctx, r.d.js); err != nil {
			return err
		}
	}
	others, err := r.send(ctx, s, watch)
	if unsent := s.sum(); err == nil {
		err = unsent
	}
	if r.wait == 0 || err != nil && !errors.Is(err, errSilent) {
		return err
	}
	_, waiting := s.await(ctx, watch, s.sent[others:], r.wait)
	return cmp.Or(waiting, err)
}

// send sends them all, the canaries first: what the others became is not known yet,
// and they begin at the index in what was sent.
func (r *replayer) send(ctx context.Context, s *sending, watch *deadletter.Watch) (others int, err error) {
	rest := s.targets.ids
	if r.canary > 0 && r.canary < len(rest) {
		var canaries []uint64
		canaries, rest = spread(rest, r.canary)
		if err := s.send(ctx, canaries); err != nil {
			return 0, err
		}
		if err := r.canariesLive(ctx, s, watch); err != nil {
			return 0, err
		}
	}
	others = len(s.sent)
	return others, s.send(ctx, rest)
}

// canariesLive waits for the canaries and says why the others must not follow.
func (r *replayer) canariesLive(ctx context.Context, s *sending, watch *deadletter.Watch) error {
	wait := r.wait
	if wait == 0 {
		wait = canaryWait
	}
	canaries := s.sent
	fates, err := s.await(ctx, watch, canaries, wait)
	if err != nil {
		return err
	}
	good := fates[deadletter.FateCreated] + fates[deadletter.FateDuplicate]
	needed := int(math.Ceil(float64(len(canaries)) * float64(r.canaryNeeds) / 100))
	left := len(s.targets.ids) - len(canaries) - s.gone - s.unfit
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted while waiting for the canaries; the other %d were not sent", left)
	}
	if good >= needed && len(canaries) > 0 {
		r.app.sayf("%d of %d canaries came to links; sending the other %d", good, len(canaries), left)
		return nil
	}
	return fmt.Errorf("stopped after the canaries: %d of %d came to links, and %d needed to (%s); the other %d were not sent",
		good, len(canaries), max(1, needed), fateCounts(fates), left)
}

// spread takes n of the ids, as far apart as can be.
func spread(ids []uint64, n int) (some, others []uint64) {
	for i, id := range ids {
		if len(some) < n && i*n/len(ids) >= len(some) {
			some = append(some, id)
		} else {
			others = append(others, id)
		}
	}
	return some, others
}
