package main

import (
	"context"
	"errors"
	"net"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
)

// runGroups are the settings of a worker: all of them.
var runGroups = []config.Group{
	config.GroupNATS, config.GroupStreams, config.GroupRedis, config.GroupConomy, config.GroupWork, config.GroupMerchant,
	config.GroupAdmin, config.GroupLog,
}

func newRunCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [flags]",
		Short: "Run the worker",
		Long: `Run the worker: take invoice.issued and session.requested events from NATS, make
each link or session once at Conomy, and publish link.created, or a dead letter
with link.failed. Run as many as you like side by side.

What is missing on the NATS server is made; see linkworker provision. SIGTERM or
SIGINT ends it: nothing new is taken, what is in a call is finished, the rest is
given back. At ADMIN_ADDR it answers /livez, /readyz and /metrics.`,
		Example: `  CONOMY_API_KEY_FILE=/run/secrets/api-key CONOMY_CLIENT_ID=… CONOMY_CLIENT_SECRET_FILE=… \
    linkworker run --nats-url nats://nats:4222 --redis-url redis://redis:6379/0`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runWorker(cmd) },
	}
	uses(cmd, runGroups...)
	return cmd
}

func (a *app) runWorker(cmd *cobra.Command) error {
	cfg, err := a.load(cmd, runGroups...)
	if err != nil {
		// What can be checked without the rest is, so that one start shows all there is to mend.
		return errors.Join(err, a.unreachable(cmd))
	}
	log := a.newLogger(cfg)
	for _, warning := range a.warnings(cfg) {
		log.Warn(warning)
	}
	listener, listenErr := listenAdmin(cfg.AdminAddr)
	s, err := newService(cmd.Context(), cfg, log)
	if err := errors.Join(listenErr, err); err != nil {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
		return err
	}
	defer s.close()
	return s.serve(cmd.Context(), listener, func(addr string) {
		log.Info("working", "version", programVersion(), "nats", cfg.NATS.URL.String(), "redis", cfg.Redis.URL.String(),
			"conomy", cfg.Conomy.BaseURL, "concurrency", cfg.Conomy.Concurrency, "admin", addr)
	})
}

// serve runs the worker, and the administration beside it, until ctx ends.
func (s *service) serve(ctx context.Context, listener net.Listener, started func(addr string)) (err error) {
	addr := ""
	if listener != nil {
		addr = listener.Addr().String()
		adminCtx, end := context.WithCancel(context.WithoutCancel(ctx))
		served := make(chan error, 1)
		go func() { served <- serveAdmin(adminCtx, listener, s.ready, s.metrics) }()
		defer func() {
			end()
			err = errors.Join(err, <-served)
		}()
	}
	started(addr)
	return s.worker.Run(ctx)
}

// unreachable looks whether NATS and Redis are there, as far as their own settings are in order.
func (a *app) unreachable(cmd *cobra.Command) error {
	var faults []error
	if cfg, err := a.load(cmd, config.GroupNATS); err == nil {
		nc, _, err := connectNATS(cfg)
		if err != nil {
			faults = append(faults, err)
		} else {
			nc.Close()
		}
	}
	if cfg, err := a.load(cmd, config.GroupRedis); err == nil {
		s := new(service)
		faults = append(faults, s.openRedis(cmd.Context(), cfg, a.newLogger(cfg)))
		s.close()
	}
	return errors.Join(faults...)
}
