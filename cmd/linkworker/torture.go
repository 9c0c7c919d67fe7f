package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/rig"
	"github.com/linkworker/linkworker/worker/torture"
)

// tortureGroups are the settings that workers on trial may be given.
var tortureGroups = []config.Group{
	config.GroupNATS, config.GroupStreams, config.GroupRedis, config.GroupWork, config.GroupMerchant,
}

// tortureFlags are how a trial is asked for.
type tortureFlags struct {
	settings                  torture.Settings
	faults                    []string
	given                     bool
	natsOutages, redisOutages []string // shell commands
	output, logs              string
	chosen                    []string // settings made by flags, as arguments
}

func newTortureCommand(a *app) *cobra.Command {
	f := new(tortureFlags)
	cmd := &cobra.Command{
		Use:   "torture [flags]",
		Short: "Put the promise on trial: faults of all kinds, counted from outside",
		Long: `Put the promise on trial, under your own settings: real worker processes work on
invoices, sessions, repeats, conflicts and rubbish while they are killed and
stopped, NATS and Redis are restarted and flushed, connections are cut and slow,
and the vendor fails, hangs and asks to wait. In the end the streams and the
vendor's book are counted from outside and held against what was published.

Exit code 0 only if every event has exactly one outcome, every checkoutToken at
most one link, every link exactly one link.created, and nothing is left pending.
Each counter-example is printed with its whole timeline and the command line that
does the same again.

NATS, Redis (the redis-server of the PATH, or else one inside the program) and the
emulator of the vendor are started for it. With --given it works on the NATS and
Redis of NATS_URL and REDIS_URL, which nobody else may use meanwhile: their streams
must be empty, and are emptied afterwards; of Redis only keys of its own are
touched. The vendor is always the emulator.

Servers that are given, a cluster mostly, are broken by your own commands:
--nats-outage and --redis-outage name any number of each. A command breaks
something (kills a leader, cuts a server off, restarts one after the other), leaves
it so for about OUTAGE_SECONDS (in its environment, 1 to 8), mends it, waits until
all is well again, and ends with 0. It runs beside all else, each in its turn.
deploy/cluster/strike is such a command.

Faults (--faults):
  kill    SIGKILL of a worker, mostly just after the vendor has answered it
  stop    SIGSTOP of a worker for longer than its lease, then SIGCONT
  leave   SIGTERM of a worker; another comes in its place after a while
  nats    the NATS server is restarted, by SIGTERM or SIGKILL; --given: an outage
  redis   the same with Redis, which keeps its file; --given: an outage
  flush   Redis forgets everything
  cut     the connections of a worker to one place are cut, for a while
  slow    the connections of a worker to one place are slow, for a while
  5xx     the vendor answers 500, 502, 503 or 504, at times with the work done
  429     the vendor asks to wait
  hang    the vendor does the work, and then hangs or cuts the connection
  tokens  the vendor's access tokens expire
  refuse  LINKS and DEADLETTERS take nothing for a while, and all workers are killed

The settings below go to the workers. ACK_WAIT and CLAIM_TTL are 2s unless set, so
that a lease ends within seconds.`,
		Example: `  linkworker torture
  linkworker torture --events 5000 --workers 4 --seed 7
  linkworker torture --faults kill,stop,flush --ack-wait 5s --claim-ttl 5s
  NATS_URL=… REDIS_URL=… linkworker torture --given --nats-replicas 3 \
    --nats-outage 'deploy/cluster/strike nats-leader' --redis-outage 'deploy/cluster/strike redis-failover'
  linkworker torture -o json >torture.json`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return a.torture(cmd, f)
		},
	}
	names := make([]string, 0, len(torture.Faults))
	for _, fault := range torture.Faults {
		names = append(names, string(fault))
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Uint64Var(&f.settings.Seed, "seed", 0, "decides the events and the schedule of faults; 0: one drawn at random")
	flags.IntVar(&f.settings.Events, "events", 300, "how many events to publish")
	flags.IntVar(&f.settings.Workers, "workers", 3, "worker processes")
	flags.StringSliceVar(&f.faults, "faults", names, "faults to do; none: no faults")
	flags.IntVar(&f.settings.Every, "every", 8, "events for each fault")
	flags.BoolVar(&f.given, "given", false, "work on the NATS and Redis of the settings below, and empty their streams afterwards")
	flags.StringArrayVar(&f.natsOutages, "nats-outage", nil, "with --given: shell command that breaks and mends NATS, for the fault nats; repeatable")
	flags.StringArrayVar(&f.redisOutages, "redis-outage", nil, "with --given: the same with Redis, for the fault redis; repeatable")
	flags.StringVarP(&f.output, "output", "o", "table", "table or json")
	flags.StringVar(&f.logs, "logs", "", "directory for the workers' logs; they are kept there (default: a temporary one, kept if the promise breaks)")
	uses(cmd, tortureGroups...)
	return cmd
}

func (f *tortureFlags) check(cmd *cobra.Command) error {
	s := &f.settings
	switch {
	case s.Events < 1 || s.Events > 10_000_000:
		return usagef("--events must be from 1 to 10000000")
	case s.Workers < 1 || s.Workers > 64:
		return usagef("--workers must be from 1 to 64")
	case s.Every < 1 || s.Every > 10_000:
		return usagef("--every must be from 1 to 10000")
	case f.output != "table" && f.output != "json":
		return usagef("--output must be table or json")
	case !f.given && len(f.natsOutages)+len(f.redisOutages) > 0:
		return usagef("--nats-outage and --redis-outage need --given")
	}
	s.Faults = []torture.Fault{}
	for _, name := range f.faults {
		switch {
		case name == "none" && len(f.faults) == 1:
		case !slices.Contains(torture.Faults, torture.Fault(name)):
			return usagef("there is no fault %q; there are %s", name, faultNames())
		case !slices.Contains(s.Faults, torture.Fault(name)):
			s.Faults = append(s.Faults, torture.Fault(name))
		}
	}
	if s.Seed == 0 {
		s.Seed = uint64(rand.Uint32()) // #nosec G404 -- a seed is printed, to be used again
	}
	return checkGiven(cmd, f.given)
}

func faultNames() string {
	names := make([]string, 0, len(torture.Faults))
	for _, fault := range torture.Faults {
		names = append(names, string(fault))
	}
	return strings.Join(names, ", ")
}

// tortureDefaults stand where the user has set nothing.
var tortureDefaults = map[string]string{
	"ACK_WAIT": "2s", "CLAIM_TTL": "2s", "RETRY_INITIAL": "50ms", "RETRY_MAX": "1s", "RETRY_ATTEMPTS": "12", "SESSION_WAIT": "3s",
	"SHUTDOWN_TIMEOUT": "10s", "CONOMY_TIMEOUT": "2s", "CONOMY_CONCURRENCY": "16",
	"MERCHANT_OWNER_IDENTITY_ID": "identity-torture", "MERCHANT_ACCOUNT_NUMBER": "0001",
	"MERCHANT_ACCOUNT_IDENTITY_ID": "identity-torture", "MERCHANT_PAYMENT_METHODS": "CARD",
}

func (a *app) torture(cmd *cobra.Command, f *tortureFlags) (err error) {
	ctx := cmd.Context()
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	cfg, err := config.Load(cmd.Flags(), func(name string) (string, bool) {
		if value, set := a.lookup(name); set && value != "" {
			return value, true
		}
		value, set := tortureDefaults[name]
		return value, set
	}, f.groups()...)
	if err != nil {
		return err
	}
	f.chosen = chosenByFlags(cfg)
	program := rig.Program{Path: executable, Name: "linkworker"}
	servers, options, err := a.onTrial(cmd, f, cfg, program)
	if err != nil {
		return err
	}
	if f.logs == "" {
		if options.Dir, err = os.MkdirTemp("", "linkworker-torture-"); err != nil {
			return errors.Join(err, servers.Close())
		}
	}
	report, err := torture.Run(ctx, servers, *options)
	err = errors.Join(err, servers.Close())
	if f.logs == "" && (err != nil || !report.Broken()) {
		err = errors.Join(err, os.RemoveAll(options.Dir))
		if report != nil {
			report.Logs = ""
		}
	}
	switch {
	case ctx.Err() != nil:
		return errInterrupted // all else followed from that
	case err != nil:
		return err
	}
	if err := a.printTorture(f, report); err != nil {
		return err
	}
	if report.Broken() {
		return errSilent
	}
	return nil
}

// groups are the settings that count: those of servers only where they are given.
func (f *tortureFlags) groups() []config.Group {
	if f.given {
		return tortureGroups
	}
	return slices.DeleteFunc(slices.Clone(tortureGroups), func(g config.Group) bool { return g == config.GroupNATS || g == config.GroupRedis })
}

// onTrial starts servers, or connects to those that the user gives, and says what is tried on them.
func (a *app) onTrial(cmd *cobra.Command, f *tortureFlags, cfg *config.Config, program rig.Program) (*rig.Servers, *torture.Options, error) {
	o := &torture.Options{
		Settings: f.settings, Program: program, Version: programVersion(), Topology: topologySettings(cfg),
		Lease: max(cfg.AckWait, cfg.ClaimTTL), Dir: f.logs, Environ: a.tortureEnviron(cmd, f),
		Merchant: torture.Merchant{
			OwnerIdentityID: cfg.Merchant.OwnerIdentityID, AccountNumber: cfg.Merchant.AccountNumber,
			AccountIdentityID: cfg.Merchant.AccountIdentityID,
		},
		Progress: a.tortureProgress(),
	}
	if !f.given {
		// Not ended by ctx: the trial ends what it has started itself, in its own order.
		servers, err := rig.StartServers(context.WithoutCancel(cmd.Context()), program)
		if err == nil {
			o.NATSURL, o.RedisURL = servers.URLs()
		}
		return servers, o, err
	}
	a.warn(cfg)
	servers, err := a.givenServers(cmd, cfg, nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return nil, nil, err
	}
	o.NATSURL, o.RedisURL = cfg.NATS.URL.Reveal(), cfg.Redis.URL.Reveal()
	o.Outages = map[torture.Fault][]*torture.Outage{}
	for fault, commands := range map[torture.Fault][]string{torture.NATS: f.natsOutages, torture.Redis: f.redisOutages} {
		for _, command := range commands {
			o.Outages[fault] = append(o.Outages[fault], torture.ShellOutage(command))
		}
		if len(commands) == 0 && slices.Contains(o.Faults, fault) {
			o.Faults = slices.DeleteFunc(o.Faults, func(f torture.Fault) bool { return f == fault })
			a.sayf("no fault %s: nothing says how to break servers that are given; see --%s-outage", fault, fault)
		}
	}
	return servers, o, nil
}

// tortureEnviron is what workers on trial are set to.
func (a *app) tortureEnviron(cmd *cobra.Command, f *tortureFlags) (environ []string) {
	set := a.handedOn(cmd, f.groups()...)
	for _, name := range []string{"CONOMY_TIMEOUT", "CONOMY_CONCURRENCY", "CONOMY_RATE_LIMIT"} {
		if value, found := a.lookup(name); found {
			set = append(set, name+"="+value)
		}
	}
	for name, value := range tortureDefaults {
		if !slices.ContainsFunc(set, func(s string) bool { return strings.HasPrefix(s, name+"=") && s != name+"=" }) {
			environ = append(environ, name+"="+value)
		}
	}
	slices.Sort(environ)
	return append(environ, slices.DeleteFunc(set, func(s string) bool {
		name, _, _ := strings.Cut(s, "=") // the addresses that workers get lead through proxies
		return name == "NATS_URL" || name == "NATS_URL_FILE" || name == "REDIS_URL" || name == "REDIS_URL_FILE" || name == "REDIS_PREFIX"
	})...)
}
