package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/bench"
)

func (a *app) benchVendor(ctx context.Context, f *partFlags) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: bench.NewVendor(f.latency), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // the measurement is over
	if err := a.ready("http://" + listener.Addr().String()); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// benchWorker is linkworker run with profiles.
func (a *app) benchWorker(ctx context.Context, f *partFlags) (err error) {
	cfg, err := config.Load(nil, a.lookup, runGroups...)
	if err != nil {
		return err
	}
	listener, err := listenAdmin("127.0.0.1:0")
	if err != nil {
		return err
	}
	s, err := newService(ctx, cfg, a.newLogger(cfg))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer s.close()
	if f.cpuProfile != "" {
		file, err := os.Create(f.cpuProfile)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return errors.Join(err, file.Close(), listener.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, file.Close())
		}()
	}
	var said error
	err = s.serve(ctx, listener, func(addr string) { said = a.ready("http://" + addr) })
	if f.memProfile != "" {
		err = errors.Join(err, writeAllocs(f.memProfile))
	}
	return errors.Join(err, said)
}

func writeAllocs(path string) error {
	file, err := os.Create(path) // #nosec G304 -- the file that the user names
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
}

func (a *app) benchRoofline(ctx context.Context, _ *partFlags) (err error) {
	cfg, err := config.Load(nil, a.lookup, config.GroupNATS, config.GroupRedis, config.GroupConomy)
	if err != nil {
		return err
	}
	nc, _, err := connectNATS(cfg)
	if err != nil {
		return err
	}
	defer nc.Close()
	options, err := cfg.RedisOptions()
	if err != nil {
		return err
	}
	rdb := redis.NewUniversalClient(options)
	defer func() { err = errors.Join(err, rdb.Close()) }()
	listener, err := listenAdmin("127.0.0.1:0")
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector())
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serveAdmin(ctx, listener, func() error { return nil }, registry) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-served)
	}()
	if err := a.ready(fmt.Sprint("http://", listener.Addr())); err != nil {
		return err
	}
	easeCollector(collectorOfWorker) // as a worker does
	roofline := &bench.Roofline{
		NATS: nc, Redis: rdb, Prefix: cfg.Redis.Prefix, BaseURL: cfg.Conomy.BaseURL, Concurrency: cfg.Conomy.Concurrency,
	}
	return roofline.Run(ctx)
}
