package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/topology"
)

// provisionGroups are the settings that streams and consumers depend on.
var provisionGroups = []config.Group{config.GroupNATS, config.GroupStreams, config.GroupWork}

func newProvisionCommand(a *app) *cobra.Command {
	var check bool
	var output string
	cmd := &cobra.Command{
		Use:   "provision [--check] [flags]",
		Short: "Make the streams and consumers that the worker needs, or check them",
		Long: `Make the streams (BILLING, LINKS, DEADLETTERS) and the consumers
(linkworker-invoices, linkworker-sessions) that are missing on the NATS server,
and report on all of them. What exists is never altered, and a subject that a
stream of another name carries already stays there. linkworker run does the same
when it starts; run provision beforehand, as a NATS user who may make streams,
where the worker's own user may not.

States: exists, made, missing, unfit (the worker refuses to start: it could lose
an event or do its work twice) and weak (less safe than configured: a warning).
For what is unfit or weak, the report says how to mend it. When anything is
unfit, nothing is made, and the exit code is 1.

With --check, only look; exit with 1 where something is missing or unfit.`,
		Example: `  linkworker provision
  linkworker provision --check && linkworker run
  linkworker provision --nats-url nats://nats:4222 --nats-replicas 3 -o json`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usagef("unknown output %q; there are table and json", output)
			}
			cfg, err := a.load(cmd, provisionGroups...)
			if err != nil {
				return err
			}
			a.warn(cfg)
			return a.provision(cmd.Context(), cfg, check, output)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only look; exit with 1 where something is missing or unfit")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	uses(cmd, config.GroupNATS, config.GroupStreams)
	cmd.Flags().AddFlag(dedupFlag())
	return cmd
}

// dedupFlag is the one flag of its group that matters here: how long a stream may
// keep events depends on it.
func dedupFlag() *pflag.Flag {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(flags, config.GroupWork)
	return flags.Lookup("dedup-ttl")
}

func (a *app) provision(ctx context.Context, cfg *config.Config, check bool, output string) error {
	g, err := openGuarded(cfg, nil)
	if err != nil {
		return err
	}
	defer g.close()
	ctx, end := g.within(ctx)
	defer end()
	provide := topology.Ensure
	if check {
		provide = topology.Inspect
	}
	found, err := provide(ctx, g.js, topologySettings(cfg))
	unfit := new(topology.UnfitError)
	if err != nil && !errors.As(err, &unfit) {
		return g.explain(err)
	}
	if err := a.printTopology(found, output); err != nil {
		return err
	}
	return verdict(found)
}

// verdict is an error when the worker could not start.
func verdict(found *topology.Topology) error {
	count := map[topology.Severity]int{}
	for _, f := range found.Findings {
		count[f.Severity]++
	}
	missing, unfit := count[topology.Missing], count[topology.Unfit]
	switch {
	case unfit > 0:
		return fmt.Errorf("%d unfit, %d missing; the worker refuses to start until what is unfit has been mended", unfit, missing)
	case missing > 0:
		return fmt.Errorf("%d missing; linkworker provision makes them", missing)
	}
	return nil
}

func (a *app) printTopology(found *topology.Topology, output string) error {
	if output == "json" {
		return a.printTopologyJSON(found)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tNAME\tSTREAM\tSTATE\tSUBJECTS")
	for _, o := range found.Objects {
		stream := o.Stream
		if stream == "" {
			stream = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.Kind, o.Name, stream, stateOf(o, found.Findings), strings.Join(o.Subjects, ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, f := range found.Findings {
		if f.Severity == topology.Missing {
			continue // the table tells all there is to tell
		}
		if _, err := fmt.Fprintf(a.stdout, "\n%s: %s\n  %s\n  to mend: %s\n", f.Severity, f.Object, f.Problem, f.Mend); err != nil {
			return err
		}
	}
	return nil
}

// stateOf is the worst that there is to say of an object.
func stateOf(o topology.Object, findings []topology.Finding) string {
	worst := map[topology.Severity]bool{}
	for _, f := range findings {
		if f.Object == o.String() {
			worst[f.Severity] = true
		}
	}
	switch {
	case worst[topology.Unfit]:
		return string(topology.Unfit)
	case !o.Exists:
		return string(topology.Missing)
	case worst[topology.Weak]:
		return string(topology.Weak)
	case o.Made:
		return "made"
	default:
		return "exists"
	}
}

func (a *app) printTopologyJSON(found *topology.Topology) error {
	type object struct {
		Kind     string   `json:"kind"`
		Name     string   `json:"name"`
		Stream   string   `json:"stream,omitempty"`
		Subjects []string `json:"subjects"`
		State    string   `json:"state"`
	}
	type finding struct {
		Severity topology.Severity `json:"severity"`
		Object   string            `json:"object"`
		Problem  string            `json:"problem"`
		Mend     string            `json:"mend"`
	}
	report := struct {
		Objects  []object  `json:"objects"`
		Findings []finding `json:"findings"`
	}{[]object{}, []finding{}}
	for _, o := range found.Objects {
		subjects := append([]string{}, o.Subjects...)
		report.Objects = append(report.Objects, object{o.Kind, o.Name, o.Stream, subjects, stateOf(o, found.Findings)})
	}
	for _, f := range found.Findings {
		report.Findings = append(report.Findings, finding{f.Severity, f.Object, f.Problem, f.Mend})
	}
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
