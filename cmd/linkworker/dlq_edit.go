package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

func newDLQEditCommand(a *app) *cobra.Command {
	e := editing{replayer: replayer{app: a}}
	cmd := &cobra.Command{
		Use:   "edit ID [--set path=value…] [flags]",
		Short: "Correct a dead letter's event and replay it",
		Long: `Correct the data of a dead letter's event and replay it in its place. Without --set
and --unset the data is opened in $EDITOR.

Paths lie in the data, like customer.email or items[0].totalAmount; the index after
the last entry of a list adds one. Values are typed by the event's schema: text for
a string, JSON for a number, an object or a list.

The corrected event is checked against its schema before anything changes; a new
field that no event has is refused as a slip. What differs goes to standard error;
old and new data go to standard output as one JSON line, before the replay, for
whoever keeps records. A session request stays the same one, unless its requestId
is changed: then it is another.`,
		Example: `  linkworker dlq edit 7 --set currency=CLP --set items[0].totalAmount=49990
  linkworker dlq edit 7 --unset owner --note 'OPS-412' --wait 30s
  EDITOR=nano linkworker dlq edit 7`,
		Args: positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if e.ids, err = readIDs(args); err != nil {
				return err
			}
			if err := e.flags.read(time.Now()); err != nil {
				return err
			}
			if e.wait < 0 {
				return usagef("--wait must not be negative")
			}
			if e.sets, err = readSets(e.rawSets); err != nil {
				return err
			}
			cfg, err := a.load(cmd, config.GroupNATS, config.GroupLog)
			if err != nil {
				return err
			}
			a.warn(cfg)
			return e.run(cmd.Context(), cfg)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&e.rawSets, "set", nil, "path=value: set a field; may be repeated")
	flags.StringArrayVar(&e.unsets, "unset", nil, "path: take a field away; may be repeated, and comes before --set")
	flags.BoolVarP(&e.dryRun, "dry-run", "n", false, "only check it and show what differs")
	flags.DurationVar(&e.wait, "wait", 0, "wait so long for what becomes of it, and report it")
	flags.StringVar(&e.note, "note", "", "why, for the log")
	e.flags.addStream(flags)
	uses(cmd, config.GroupNATS, config.GroupLog)
	return cmd
}

// editing is one run of dlq edit.
type editing struct {
	replayer
	rawSets, unsets []string
	sets            [][2]string
}

// editLine is the record of a correction.
type editLine struct {
	ID      string              `json:"id"`
	Subject string              `json:"subject"`
	Event   string              `json:"event"`
	User    string              `json:"user,omitzero"`
	Note    string              `json:"note,omitzero"`
	Time    time.Time           `json:"time"`
	Changes []deadletter.Change `json:"changes"`
	Old     json.RawMessage     `json:"old"` // a string, where it is no JSON
	New     json.RawMessage     `json:"new"`
}

func (e *editing) run(ctx context.Context, cfg *config.Config) error {
	return e.app.withDLQ(ctx, cfg, e.flags.stream, func(ctx context.Context, d *dlq) error {
		e.d = d
		return e.edit(ctx, cfg)
	})
}

func (e *editing) edit(ctx context.Context, cfg *config.Config) error {
	old, err := e.d.Prepare(ctx, e.ids[0])
	if err != nil {
		return err
	}
	before, err := old.EventData()
	if err != nil {
		return fmt.Errorf("dead letter %d: %w", old.ID, err)
	}
	corrected, after, err := e.correct(ctx, old, before)
	if err != nil {
		return err
	}
	changes := deadletter.Changes(before, after)
	e.showChanges(before, after, changes)
	if e.dryRun {
		e.app.sayf("the corrected event keeps all rules; nothing was changed")
		return nil
	}
	var watch *deadletter.Watch
	if e.wait > 0 {
		if watch, err = deadletter.NewWatch(ctx, e.d.js); err != nil {
			return err
		}
	}
	// The record comes first: what is not on paper is not done.
	err = writeLine(e.app.stdout, editLine{
		idText(old.ID), old.Letter.Subject, corrected.Origin.ID(), e.app.userName(), e.note, time.Now().UTC(),
		changes, jsonOrText(before), jsonOrText(after),
	})
	if err != nil {
		return err
	}
	sent, err := e.d.send(ctx, corrected)
	if sent != nil {
		e.app.logChange(cfg, "dead letter corrected and replayed", e.note, []uint64{old.ID}, "event", sent.Event)
	}
	if err != nil {
		return err
	}
	e.app.sayf("dead letter %d: the corrected event was sent, and the letter removed", old.ID)
	if watch == nil {
		return nil
	}
	s := &sending{replayer: &e.replayer, targets: &targets{ids: e.ids, named: true}}
	_, err = s.await(ctx, watch, []*deadletter.Sent{sent}, e.wait)
	return err
}

// correct makes the corrected replay, by flags or in an editor.
func (e *editing) correct(ctx context.Context, old *deadletter.Replay, before []byte) (*deadletter.Replay, []byte, error) {
	if len(e.sets) == 0 && len(e.unsets) == 0 {
		return e.inEditor(ctx, old, before)
	}
	after := before
	var err error
	for _, path := range e.unsets {
		if after, err = deadletter.UnsetField(after, path); err != nil {
			return nil, nil, usagef("--unset %w", err)
		}
	}
	for _, set := range e.sets {
		if after, err = deadletter.SetField(old.Letter.Subject, after, set[0], set[1]); err != nil {
			return nil, nil, usagef("--set %w", err)
		}
	}
	corrected, err := e.check(old, after)
	if err != nil {
		return nil, nil, err
	}
	return corrected, after, nil
}

// errBreaksRules is a correction that is none; what is wrong with it was told.
var errBreaksRules = errors.New("the corrected event breaks a rule")

// check holds the corrected data to the rules, and tells of every fault.
func (e *editing) check(old *deadletter.Replay, after []byte) (*deadletter.Replay, error) {
	corrected, err := old.Corrected(after)
	var invalid *events.InvalidError
	switch {
	case errors.As(err, &invalid):
		for _, fault := range invalid.Fields {
			e.app.sayf("%s", visible(fault.String()))
		}
		e.slips(old, after) // may be why a field is missing
		return nil, fmt.Errorf("dead letter %d: %w; nothing was changed", old.ID, errBreaksRules)
	case errors.Is(err, deadletter.ErrUnchanged):
		return nil, fmt.Errorf("dead letter %d: %w; linkworker dlq replay %d sends it as it is", old.ID, err, old.ID)
	case err != nil:
		return nil, fmt.Errorf("dead letter %d: %w", old.ID, err)
	}
	if e.slips(old, after) > 0 {
		return nil, fmt.Errorf("dead letter %d: %w; nothing was changed", old.ID, errBreaksRules)
	}
	return corrected, nil
}

// slips tells of each field that no event has, and counts those that were not there
// before: nobody would read them.
func (e *editing) slips(old *deadletter.Replay, after []byte) (n int) {
	subject, known := old.Letter.Subject, map[string]bool{}
	before, err := old.EventData()
	if err != nil {
		return 0
	}
	for _, path := range events.UnknownFields(subject, before) {
		known[anyEntry(path)] = true
	}
	for _, path := range events.UnknownFields(subject, after) {
		if known[anyEntry(path)] {
			e.app.sayf("warning: %s is no field of %s and is left out", visible(path), subject)
			continue
		}
		n++
		e.app.sayf("%s is no field of %s", visible(path), subject)
	}
	return n
}

// anyEntry is a path in which the entries of a list are alike.
func anyEntry(path string) string { return entryIndex.ReplaceAllString(path, "[]") }

var entryIndex = regexp.MustCompile(`\[[0-9]+\]`)

// showChanges tells what differs, on standard error.
func (e *editing) showChanges(before, after []byte, changes []deadletter.Change) {
	minus, plus := text.Colors{text.FgRed}, text.Colors{text.FgGreen}
	paint := func(c text.Colors, line string) {
		if e.app.colours(e.app.stderr) {
			line = c.Sprint(line)
		}
		e.app.say(line)
	}
	for _, c := range changes {
		path := c.Path
		if path == "" {
			path, c.Old, c.New = "data", jsonValue(before), jsonValue(after)
		}
		if c.Old != nil {
			paint(minus, "- "+visible(path)+": "+visible(string(c.Old)))
		}
		if c.New != nil {
			paint(plus, "+ "+visible(path)+": "+visible(string(c.New)))
		}
	}
}
