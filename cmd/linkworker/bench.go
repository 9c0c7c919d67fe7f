package main

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/bench"
	"github.com/linkworker/linkworker/worker/rig"
)

// benchGroups are the settings of servers that the user gives.
var benchGroups = []config.Group{config.GroupNATS, config.GroupRedis}

// benchFlags are how a measurement is asked for.
type benchFlags struct {
	settings               bench.Settings
	peers                  []string
	contenders             []bench.Contender
	given                  bool
	output                 string
	cpuProfile, memProfile string
}

func newBenchCommand(a *app) *cobra.Command {
	f := &benchFlags{settings: bench.Settings{DrainFor: 10 * time.Second}}
	cmd := &cobra.Command{
		Use:   "bench [flags]",
		Short: "Measure the worker against the bare I/O of its way",
		Long: `Measure how fast the worker works off a backlog of invoices, at vendors of several
latencies, what it costs, how long each step takes, and how long a link takes at a
steady rate. In the same run and on the same servers the roofline is measured: the
same I/O (batched pulls, pipelined SET NX in Redis, a POST, link.created published
without waiting, the acknowledgement) with nothing around it. The ratio to it says
more than any figure does, since it depends least on the machine.

NATS, Redis (the redis-server of the PATH, or else one inside the program) and the
vendor are started for it, each in a process of its own. The vendor is an emulator
and never the real one. With --given it measures on the NATS and Redis of NATS_URL
and REDIS_URL, which nobody else may use meanwhile: their streams must be empty,
and are emptied afterwards.

The rounds take turns; each figure is the median of the rounds. There are figures
only when every event got its one link.

A --peer is a command, words with blanks between them, that does the same work: it
takes invoice.issued from the consumer linkworker-invoices of the stream BILLING,
posts each to CONOMY_BASE_URL/payment-links, publishes link.created, acknowledges,
and ends on SIGTERM. It finds NATS_URL, REDIS_URL, REDIS_PREFIX, CONOMY_BASE_URL and
CONOMY_CONCURRENCY in its environment. The project's deploy/bench has some.`,
		Example: `  linkworker bench
  linkworker bench --events 5000 --rounds 1 --latency 0
  linkworker bench -o json >bench.json
  linkworker bench --latency 0 --rate 0 --cpuprofile cpu.prof && go tool pprof -top cpu.prof`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return a.bench(cmd, f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&f.settings.Events, "events", 20_000, "events of a backlog; fewer at a slow vendor, about 10 s of its work")
	flags.IntVar(&f.settings.Rounds, "rounds", 3, "how often each has its turn")
	flags.DurationSliceVar(&f.settings.Latencies, "latency", []time.Duration{0, 20 * time.Millisecond, 150 * time.Millisecond}, "latencies of the vendor")
	flags.IntVar(&f.settings.Concurrency, "concurrency", 64, "calls to the vendor at once")
	flags.IntVar(&f.settings.Size, "size", 600, "bytes of an invoice, at the least")
	flags.Float64Var(&f.settings.Rate, "rate", 50, "events a second while latency is measured; 0: it is not")
	flags.DurationVar(&f.settings.RateFor, "rate-for", 5*time.Second, "how long a round of that takes")
	flags.StringArrayVar(&f.peers, "peer", nil, "NAME=COMMAND: measure this, too; see below")
	flags.BoolVar(&f.given, "given", false, "measure on the NATS and Redis of the settings below, and empty their streams afterwards")
	flags.StringVarP(&f.output, "output", "o", "table", "table, json, or markdown: the table of all side by side")
	flags.StringVar(&f.cpuProfile, "cpuprofile", "", "file for the worker's processor profile, of the last backlog at the first latency")
	flags.StringVar(&f.memProfile, "memprofile", "", "file for its profile of allocations")
	uses(cmd, benchGroups...)
	return cmd
}

func (f *benchFlags) check(cmd *cobra.Command) error {
	s := f.settings
	switch {
	case s.Events < 2 || s.Events > 10_000_000:
		return usagef("--events must be from 2 to 10000000")
	case s.Rounds < 1 || s.Rounds > 100:
		return usagef("--rounds must be from 1 to 100")
	case s.Concurrency < 1 || s.Concurrency > 4096:
		return usagef("--concurrency must be from 1 to 4096")
	case s.Size < 0 || s.Size > 200<<10:
		return usagef("--size must be from 0 to %d", 200<<10)
	case !(s.Rate >= 0 && s.Rate <= 10_000): // so that NaN fails too
		return usagef("--rate must be from 0 to 10000")
	case s.RateFor < time.Second || s.RateFor > time.Hour:
		return usagef("--rate-for must be from 1s to 1h")
	case f.output != "table" && f.output != "json" && f.output != "markdown":
		return usagef("--output must be table, json or markdown")
	}
	for _, latency := range s.Latencies {
		if latency < 0 || latency > 10*time.Second {
			return usagef("--latency must be from 0 to 10s")
		}
	}
	if err := f.readPeers(); err != nil {
		return err
	}
	return checkGiven(cmd, f.given)
}

func (f *benchFlags) readPeers() error {
	names := []string{bench.NameRoofline, bench.NameWorker}
	for _, peer := range f.peers {
		name, line, _ := strings.Cut(peer, "=")
		switch {
		case name == "" || len(strings.Fields(line)) == 0:
			return usagef("--peer must be NAME=COMMAND, not %q", peer)
		case slices.Contains(names, name):
			return usagef("--peer: there are two of the name %q", name)
		}
		if _, err := exec.LookPath(strings.Fields(line)[0]); err != nil {
			return usagef("--peer %s: %v", name, err)
		}
		names = append(names, name)
		f.contenders = append(f.contenders, bench.Command(name, line))
	}
	return nil
}

func (a *app) bench(cmd *cobra.Command, f *benchFlags) (err error) {
	ctx := cmd.Context()
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	program := rig.Program{Path: executable, Name: "linkworker"}
	servers, err := a.benchServers(cmd, f, program)
	if err != nil {
		return err
	}
	report, err := bench.Run(ctx, servers, bench.Options{
		Settings: f.settings, Program: program, Version: programVersion(), Contenders: append(bench.Both(program), f.contenders...),
		Profiles: f.profiles(), Progress: a.benchProgress(),
	})
	err = errors.Join(err, servers.Close())
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted") // all else followed from that
	case err != nil:
		return err
	case f.output == "json":
		return a.printBenchJSON(report)
	case f.output == "markdown":
		return a.markdownBench(report)
	}
	return a.printBench(report)
}

func (f *benchFlags) profiles() (args []string) {
	if f.cpuProfile != "" {
		args = append(args, "--cpuprofile="+f.cpuProfile)
	}
	if f.memProfile != "" {
		args = append(args, "--memprofile="+f.memProfile)
	}
	return args
}

// benchServers starts servers, or connects to those that the user gives.
func (a *app) benchServers(cmd *cobra.Command, f *benchFlags, program rig.Program) (*rig.Servers, error) {
	if !f.given {
		return rig.StartServers(cmd.Context(), program)
	}
	cfg, err := a.load(cmd, benchGroups...)
	if err != nil {
		return nil, err
	}
	a.warn(cfg)
	return a.givenServers(cmd, cfg)
}

// benchProgress shows how far it is, for people who wait.
func (a *app) benchProgress() func(done, all int, what string) {
	if !isTerminal(a.stderr) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, all int, what string) {
		if bar == nil {
			bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(a.stderr), progressbar.OptionShowCount(),
				progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
				progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())
		}
		bar.Describe(what)
		_ = bar.Set(done) // decoration
	}
}
