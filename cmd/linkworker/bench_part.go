package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/bench"
	"github.com/linkworker/linkworker/worker/embedded"
)

// newBenchPartCommand is for linkworker bench alone, which runs each part in a process of its own.
func newBenchPartCommand(a *app) *cobra.Command {
	var latency time.Duration
	var cpuProfile, memProfile string
	parts := map[string]func(context.Context) error{
		bench.PartNATS:     a.benchNATS,
		bench.PartRedis:    a.benchRedis,
		bench.PartVendor:   func(ctx context.Context) error { return a.benchVendor(ctx, latency) },
		bench.PartRoofline: a.benchRoofline,
		bench.PartWorker:   func(ctx context.Context) error { return a.benchWorker(ctx, cpuProfile, memProfile) },
	}
	cmd := &cobra.Command{
		Use: bench.Part + " PART", Short: "A part of linkworker bench", Hidden: true,
		Args: positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			part, found := parts[args[0]]
			if !found {
				return usagef("there is no part %q", args[0])
			}
			// Whoever started this holds its standard input: with the end of that, all parts end.
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() {
				_, _ = io.Copy(io.Discard, a.stdin) // its end is all that counts
				cancel()
			}()
			return part(ctx)
		},
	}
	cmd.Flags().DurationVar(&latency, "latency", 0, "time that an answer of the vendor takes")
	cmd.Flags().StringVar(&cpuProfile, "cpuprofile", "", "file for the worker's processor profile")
	cmd.Flags().StringVar(&memProfile, "memprofile", "", "file for its profile of allocations")
	return cmd
}

// ready says where the part is.
func (a *app) ready(url string) error { return json.NewEncoder(a.stdout).Encode(bench.Ready{URL: url}) }

func (a *app) benchNATS(ctx context.Context) error {
	s, err := embedded.StartNATS(embedded.NATSOptions{})
	if err != nil {
		return err
	}
	if err := a.ready(s.URL()); err != nil {
		return errors.Join(err, s.Close())
	}
	<-ctx.Done()
	return s.Close()
}

func (a *app) benchRedis(ctx context.Context) error {
	s, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		return err
	}
	if err := a.ready(s.URL()); err != nil {
		return errors.Join(err, s.Close())
	}
	<-ctx.Done()
	return s.Close()
}

func (a *app) benchVendor(ctx context.Context, latency time.Duration) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: bench.NewVendor(latency), ReadHeaderTimeout: 10 * time.Second}
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
func (a *app) benchWorker(ctx context.Context, cpuProfile, memProfile string) (err error) {
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
	if cpuProfile != "" {
		file, err := os.Create(cpuProfile)
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
	if memProfile != "" {
		err = errors.Join(err, writeAllocs(memProfile))
	}
	return errors.Join(err, said)
}

func writeAllocs(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
}

func (a *app) benchRoofline(ctx context.Context) (err error) {
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
	easeCollector() // as a worker does
	roofline := &bench.Roofline{
		NATS: nc, Redis: rdb, Prefix: cfg.Redis.Prefix, BaseURL: cfg.Conomy.BaseURL, Concurrency: cfg.Conomy.Concurrency,
	}
	return roofline.Run(ctx)
}
