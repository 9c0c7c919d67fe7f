package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/worker"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/rights"
	"github.com/linkworker/linkworker/worker/topology"
)

// startTimeout bounds how long a start waits for NATS and for Redis: a worker that cannot begin says so, and whoever
// started it starts it again.
const startTimeout = 5 * time.Second

// service is a worker with all that it stands on.
type service struct {
	worker  *worker.Worker
	metrics *prometheus.Registry
	nats    *nats.Conn
	lacks   *lacks
	redis   redis.UniversalClient
	vendor  *conomy.Client
}

// newService connects everything. Its error names every fault that it met, not only the first.
func newService(ctx context.Context, cfg *config.Config, log *slog.Logger) (_ *service, err error) {
	easeCollector(collectorOfWorker)
	s := &service{metrics: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics := worker.NewMetrics(s.metrics)
	settings := workerSettings(cfg)

	found, natsErr := s.openNATS(ctx, cfg, settings.Topology, log)
	redisErr := s.openRedis(ctx, cfg, log)
	var vendorErr error
	s.vendor, vendorErr = newVendor(cfg, cfg.Conomy.Concurrency, metrics.ObserveCall)
	if err := errors.Join(natsErr, redisErr, vendorErr); err != nil {
		return nil, err
	}
	s.worker, err = worker.New(settings, worker.Parts{
		NATS: s.nats, Redis: s.redis, Vendor: s.vendor, Metrics: metrics, Log: log,
	}, found)
	return s, err
}

func (s *service) close() {
	if s.nats != nil {
		s.nats.Close()
	}
	if s.redis != nil {
		_ = s.redis.Close() // nothing is left to be written
	}
	if s.vendor != nil {
		s.vendor.Close()
	}
}

// openNATS connects and makes or checks the streams and consumers.
func (s *service) openNATS(ctx context.Context, cfg *config.Config, want topology.Settings, log *slog.Logger) (*topology.Topology, error) {
	s.lacks = newLacks(log)
	nc, js, err := connectNATS(cfg, natsHandlers(log, s.lacks)...)
	if err != nil {
		return nil, err
	}
	s.nats = nc
	ctx, cancel := context.WithTimeout(ctx, 3*startTimeout)
	defer cancel()
	return ensureTopology(ctx, js, want, log)
}

func ensureTopology(ctx context.Context, js jetstream.JetStream, want topology.Settings, log *slog.Logger) (*topology.Topology, error) {
	found, err := topology.Ensure(ctx, js, want)
	if err != nil {
		return nil, err
	}
	for _, finding := range found.Findings {
		log.Warn("weaker than configured", "where", finding.Object, "problem", finding.Problem, "mend", finding.Mend)
	}
	return found, nil
}

// natsHandlers log what happens to the connection, which reconnects for ever.
func natsHandlers(log *slog.Logger, lacks *lacks) []nats.Option {
	return []nats.Option{
		nats.Timeout(startTimeout),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Error("disconnected from NATS; reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("connected to NATS again", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
			if missing := rights.Read(nc, err); missing != nil {
				lacks.note(missing)
				return
			}
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Error("NATS reports an error", "subject", subject, "error", err)
		}),
	}
}

// ready is nil while the worker works and may do all that it has tried.
func (s *service) ready() error { return errors.Join(s.worker.Ready(), s.lacks.err()) }

func (s *service) openRedis(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	options, err := cfg.RedisOptions()
	if err != nil {
		return err
	}
	logging.Disable() // the library would write to standard error beside our log; the worker says itself when Redis is away
	if options.PoolSize == 0 {
		options.PoolSize = cfg.Conomy.Concurrency + 16
	}
	s.redis = redis.NewUniversalClient(options)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	warnings, err := claim.CheckServer(ctx, s.redis)
	for err != nil && passing(err) && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		warnings, err = claim.CheckServer(ctx, s.redis)
	}
	if err != nil {
		return redisError(cfg, err)
	}
	for _, warning := range warnings {
		log.Warn(warning)
	}
	return nil
}

// passing says that Redis is there and will do its work in a moment: it reads its file, or its cluster has a new master to
// choose.
func passing(err error) bool {
	for _, state := range []string{"LOADING", "CLUSTERDOWN", "MASTERDOWN", "READONLY"} {
		if strings.Contains(err.Error(), state) {
			return true
		}
	}
	return false
}

// mendOfRedisRight says what to do where Redis has let us in and refuses a command or a key.
const mendOfRedisRight = "grant it, or set another user in REDIS_URL (deploy/redis-users.conf has what each needs)"

// redisError says what to mend when Redis does not let us in.
func redisError(cfg *config.Config, err error) error {
	mend := "is the server up? set REDIS_URL to its address"
	if strings.HasPrefix(cfg.Redis.URL.Reveal(), "rediss:") {
		mend = cmp.Or(mendOfTLS(err, "REDIS", "REDIS_URL"), mend)
	}
	switch text := err.Error(); {
	case strings.Contains(text, "WRONGPASS"), strings.Contains(text, "NOAUTH"):
		mend = "set the user and password in REDIS_URL, or in the file that REDIS_URL_FILE names"
	case strings.Contains(text, "NOPERM"):
		mend = mendOfRedisRight
	}
	return fmt.Errorf("connecting to Redis at %s: %w; %s", cfg.Redis.URL, err, mend)
}

// source is the CloudEvents source of what the worker publishes.
const source = "linkworker"

func workerSettings(cfg *config.Config) worker.Settings {
	m := cfg.Merchant
	return worker.Settings{
		Concurrency: cfg.Conomy.Concurrency, RateLimit: cfg.Conomy.RateLimit, RedisPrefix: cfg.Redis.Prefix,
		Retry:       worker.Retry{Initial: cfg.Retry.Initial, Max: cfg.Retry.Max, Attempts: cfg.Retry.Attempts},
		SessionWait: cfg.SessionWait, DedupTTL: cfg.DedupTTL, ClaimTTL: cfg.ClaimTTL, ShutdownTimeout: cfg.ShutdownTimeout,
		Merchant: worker.Merchant{
			OwnerIdentityID: m.OwnerIdentityID, AccountNumber: m.AccountNumber, AccountIdentityID: m.AccountIdentityID,
			PaymentMethods: m.PaymentMethods, Duration: int64(math.Round(m.Duration.Seconds())),
			CustomerRequirements: m.CustomerRequirements, SuccessURL: m.SuccessURL, FailedURL: m.FailedURL,
		},
		CheckoutURL: cfg.Conomy.CheckoutURL, Source: source, Version: programVersion(), Topology: topologySettings(cfg),
		Credentials: func() (conomy.Credentials, error) {
			credentials, err := cfg.ReloadCredentials()
			return vendorCredentials(credentials), err
		},
	}
}

func topologySettings(cfg *config.Config) topology.Settings {
	return topology.Settings{
		Replicas: cfg.NATS.Replicas, AckWait: cfg.AckWait, LinksDuplicateWindow: cfg.LinksDuplicateWindow, DedupTTL: cfg.DedupTTL,
	}
}
