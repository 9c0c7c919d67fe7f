package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/story"
)

func newExplainCommand(a *app) *cobra.Command {
	var since, output string
	var vendor bool
	cmd := &cobra.Command{
		Use:   "explain TOKEN [flags]",
		Short: "Tell all that became of one checkoutToken",
		Long: `Tell all that became of one checkoutToken, in order of time: its events in BILLING,
what Redis has recorded, the link at the vendor, link.created and link.failed, dead
letters and their replays; and at the end a verdict. Nothing is changed, and nothing
of the payer is shown.

Redis keeps where the messages of a token lie, so this is quick however many there
are. Where Redis knows nothing of the token, the streams are searched from 24 hours
ago on; with --since they are searched from then on in any case, which reads every
event.

The vendor is asked for the link where its credentials are set. A place that cannot
be read is named with what is missing, and the rest is told: exit code 0 when at
least one place could be read, else 1.

With -o json, one object a line: facts, then gaps (what could not be read), then the
verdict: told, in_work, waiting, dead, freed, told_twice, unclear or never_seen.`,
		Example: `  linkworker explain invoice-2001
  linkworker explain invoice-2001 --since 168h
  linkworker explain -- '-2001 begins with a dash'
  linkworker explain invoice-2001 -o json | jq -r 'select(.verdict).verdict'`,
		Args: positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return usagef("unknown output %q; there are table and json", output)
			}
			from, err := momentOf("--since", since, time.Now())
			if err != nil {
				return err
			}
			if args[0] == "" || len(args[0]) > events.MaxTokenBytes {
				return usagef("a checkoutToken has 1 to %d bytes", events.MaxTokenBytes)
			}
			e := &explaining{app: a, vendor: vendor}
			if err := e.open(cmd); err != nil {
				return err
			}
			defer e.close()
			told := e.sources.Tell(cmd.Context(), story.Question{Token: args[0], Since: from, Searching: func(stream string, messages uint64) {
				a.sayf("searching the stream %s (%d messages in all)", visible(stream), messages)
			}})
			if output == "json" {
				err = a.writeStory(told)
			} else {
				err = a.printStory(told)
			}
			if err == nil && len(told.Read) == 0 {
				return errSilent
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&since, "since", "", "search the streams, too, from then on: an age such as 168h, or a time such as 2026-05-18T11:00:00Z")
	flags.BoolVar(&vendor, "vendor", true, "ask the vendor for the link, where its credentials are set")
	flags.StringVarP(&output, "output", "o", "table", "table or json")
	uses(cmd, config.GroupNATS, config.GroupRedis, config.GroupConomy)
	return cmd
}

// explaining holds the places that a story is told from.
type explaining struct {
	app     *app
	vendor  bool
	sources story.Sources
	closers []func()
}

func (e *explaining) close() {
	for _, closer := range e.closers {
		closer()
	}
}

func (e *explaining) missing(why, mend string, places ...story.Place) {
	for _, place := range places {
		e.sources.Missing = append(e.sources.Missing, story.Gap{Place: place, Why: why, Mend: mend})
	}
}

// open connects to what can be connected to. Its error is one of the configuration.
func (e *explaining) open(cmd *cobra.Command) error {
	cfg, err := e.app.load(cmd, config.GroupNATS, config.GroupRedis)
	if err != nil {
		return err
	}
	withVendor, vendorErr := e.app.load(cmd, config.GroupNATS, config.GroupRedis, config.GroupConomy)
	var faults *config.FaultsError
	if errors.As(vendorErr, &faults) && faults.FromFlags() {
		return vendorErr
	}
	e.app.warn(cfg)
	e.openNATS(cfg)
	e.openRedis(cmd.Context(), cfg)
	switch {
	case !e.vendor:
		e.missing("not asked, as --vendor=false says", "", story.PlaceVendor)
	case vendorErr != nil:
		e.missing("not asked: "+oneLine(vendorErr.Error()), "", story.PlaceVendor)
	default:
		e.openVendor(withVendor)
	}
	return nil
}

func (e *explaining) openNATS(cfg *config.Config) {
	nc, js, err := connectNATS(cfg, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		e.missing(err.Error(), "", story.PlaceBilling, story.PlaceLinks, story.PlaceDeadLetters)
		return
	}
	e.sources.NATS = js
	e.closers = append(e.closers, nc.Close)
}

func (e *explaining) openRedis(ctx context.Context, cfg *config.Config) {
	rdb, err := openRedisReader(ctx, cfg)
	if err != nil {
		e.missing(err.Error(), "", story.PlaceRedis)
		return
	}
	e.sources.Claims = claim.New(rdb, cfg.Redis.Prefix, cfg.DedupTTL, cfg.ClaimTTL)
	e.closers = append(e.closers, func() { _ = rdb.Close() }) // nothing is left to be written
}

func (e *explaining) openVendor(cfg *config.Config) {
	client, err := newVendor(cfg, 1, nil)
	if err != nil {
		e.missing("not asked: "+err.Error(), "", story.PlaceVendor)
		return
	}
	e.sources.Vendor = client
	e.closers = append(e.closers, client.Close)
}

// printStory prints a story for people.
func (a *app) printStory(s *story.Story) error {
	t := a.newTable(column{title: "TIME (UTC)"}, column{title: "WHERE"}, column{title: "WHAT", prose: true, whole: true})
	for i := range s.Facts {
		f := &s.Facts[i]
		if err := t.row(f.Time.Format(storyTime(f)), whereOf(f), f.Text); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	var b strings.Builder
	if len(s.Facts) > 0 {
		b.WriteByte('\n')
	}
	for i, g := range s.Gaps {
		places := string(g.Place)
		for _, next := range s.Gaps[i+1:] {
			if next.Why == g.Why {
				places += ", " + string(next.Place)
			}
		}
		if slices.ContainsFunc(s.Gaps[:i], func(before story.Gap) bool { return before.Why == g.Why }) {
			continue // said with the first
		}
		line := "not read: " + places + ": " + g.Why
		if g.Mend != "" {
			line += "; " + g.Mend
		}
		b.WriteString(visible(line) + "\n")
	}
	if len(s.Gaps) > 0 {
		b.WriteByte('\n')
	}
	_, err := fmt.Fprintf(a.stdout, "%s%s: %s\n", b.String(), visible(s.Token), visible(s.Verdict.Text))
	return err
}

// storyTime is the layout of a fact's time; a time that is not known has none.
func storyTime(f *story.Fact) string {
	if f.Time.IsZero() {
		return ""
	}
	return "2006-01-02 15:04:05.000"
}

func whereOf(f *story.Fact) string {
	if f.Stream != "" {
		return f.Stream + " " + idText(f.Sequence)
	}
	return string(f.Place)
}

// gapLine is a gap for programs.
type gapLine struct {
	Gap story.Gap `json:"gap"`
}

// verdictLine is the end of a story for programs.
type verdictLine struct {
	story.Verdict
	CheckoutToken string        `json:"checkoutToken"`
	Read          []story.Place `json:"read"`
	Messages      int           `json:"messages"`
	SearchedSince time.Time     `json:"searchedSince,omitzero"`
}

func (a *app) writeStory(s *story.Story) error {
	for i := range s.Facts {
		if err := writeLine(a.stdout, &s.Facts[i]); err != nil {
			return err
		}
	}
	for _, g := range s.Gaps {
		if err := writeLine(a.stdout, gapLine{g}); err != nil {
			return err
		}
	}
	read := s.Read
	if read == nil {
		read = []story.Place{}
	}
	return writeLine(a.stdout, verdictLine{s.Verdict, s.Token, read, s.Messages, s.Since})
}
