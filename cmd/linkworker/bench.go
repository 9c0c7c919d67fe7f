package main

import (
	"errors"
	"os"
	"slices"
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
		Use:   "bench [MEASUREMENT…]",
		Short: "Measure the worker against the bare I/O of its way",
		Long: `Measure how fast the worker works off a backlog of invoices, at vendors of several
latencies, what it costs, how long each step takes, and how long a link takes at a
steady rate. In the same run and on the same servers the roofline is measured: the
same I/O (batched pulls, pipelined SET NX in Redis, a POST, link.created published
without waiting, the acknowledgement) with nothing around it. The ratio to it says
more than any figure does, since it depends least on the machine.

MEASUREMENT is any of these; without one the first two are made, with "all" each:

  throughput  a backlog is worked off, by each contender, at each vendor
  latency     from event to link.created at a steady rate, at the first vendor
  sessions    the same for session requests, of an idle worker and of one that has
              a backlog of invoices and all calls under way, at the slowest vendor
  replicas    workers that share a backlog, at the slowest vendor
  duplicates  a backlog in which invoices come again, at a vendor without latency
  memory      a worker that finds a large backlog, and works off a fifth of it
  growth      the cost of an event as the streams and Redis fill, in ten steps, and
              what Redis holds for a token

NATS, Redis (the redis-server of the PATH, or else one inside the program) and the
vendor are started for it, each in a process of its own. The vendor is an emulator
and never the real one. With --given it measures on the NATS and Redis of NATS_URL
and REDIS_URL, which nobody else may use meanwhile: their streams must be empty,
and are emptied afterwards.

The rounds take turns; each figure is the median of the rounds. Memory and growth
have one round. There are figures only when every event got its one link.

A --peer is a command, words with blanks between them, that does the same work: it
takes invoice.issued from the consumer linkworker-invoices of the stream BILLING,
posts each to CONOMY_BASE_URL/payment-links, publishes link.created, acknowledges,
and ends on SIGTERM. It finds NATS_URL, REDIS_URL, REDIS_PREFIX, CONOMY_BASE_URL and
CONOMY_CONCURRENCY in its environment. The project's deploy/bench has some. It takes
part in throughput and latency.`,
		Example: `  linkworker bench
  linkworker bench throughput --events 5000 --rounds 1 --latency 0
  linkworker bench sessions --backlog 10000
  linkworker bench memory growth --grow 100000
  linkworker bench all -o json >bench.json
  linkworker bench throughput --latency 0 --cpuprofile cpu.prof && go tool pprof -top cpu.prof`,
		ValidArgs: append(slices.Clone(bench.Measurements), measureAll),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.read(cmd, args); err != nil {
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
	flags.Float64Var(&f.settings.Rate, "rate", 50, "events or session requests a second while latency is measured; 0: it is not")
	flags.DurationVar(&f.settings.RateFor, "rate-for", 5*time.Second, "how long a round of that takes")
	flags.IntVar(&f.settings.Backlog, "backlog", 100_000, "sessions: invoices that are queued")
	flags.IntSliceVar(&f.settings.Replicas, "replicas", []int{1, 2, 4}, "replicas: how many, each compared with the first")
	flags.IntSliceVar(&f.settings.Duplicates, "duplicates", []int{0, 50, 90}, "duplicates: how many in a hundred events")
	flags.IntVar(&f.settings.Grow, "grow", 1_000_000, "memory: invoices that are queued; growth: events in all")
	flags.StringArrayVar(&f.peers, "peer", nil, "NAME=COMMAND: measure this, too; see below")
	flags.BoolVar(&f.given, "given", false, "measure on the NATS and Redis of the settings below, and empty their streams afterwards")
	flags.StringVarP(&f.output, "output", "o", "table", "table, json, or markdown: the table of all side by side")
	flags.StringVar(&f.cpuProfile, "cpuprofile", "", "file for the worker's processor profile, of the last backlog at the first latency")
	flags.StringVar(&f.memProfile, "memprofile", "", "file for its profile of allocations")
	uses(cmd, benchGroups...)
	return cmd
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
