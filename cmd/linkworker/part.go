package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/worker/bench"
	"github.com/linkworker/linkworker/worker/embedded"
	"github.com/linkworker/linkworker/worker/rig"
)

// partFlags say how a part is run. Each is used by those parts that know it.
type partFlags struct {
	latency                time.Duration
	cpuProfile, memProfile string
	nats                   embedded.NATSOptions
	told                   chan string // lines that come on standard input
}

// newPartCommand is for other commands alone, which run what they need in processes of their own.
func newPartCommand(a *app) *cobra.Command {
	f := &partFlags{told: make(chan string)}
	parts := map[string]func(context.Context, *partFlags) error{
		rig.PartNATS:       a.natsPart,
		rig.PartRedis:      a.redisPart,
		bench.PartVendor:   a.benchVendor,
		bench.PartRoofline: a.benchRoofline,
		bench.PartWorker:   a.benchWorker,
	}
	cmd := &cobra.Command{
		Use: rig.Part + " PART", Short: "A part of another command", Hidden: true,
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
				defer cancel()
				for lines := bufio.NewScanner(a.stdin); lines.Scan(); {
					select {
					case f.told <- lines.Text():
					case <-ctx.Done():
						return
					}
				}
			}()
			return part(ctx, f)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.latency, "latency", 0, "time that an answer of the vendor takes")
	flags.StringVar(&f.cpuProfile, "cpuprofile", "", "file for the worker's processor profile")
	flags.StringVar(&f.memProfile, "memprofile", "", "file for its profile of allocations")
	flags.StringVar(&f.nats.Dir, "dir", "", "directory of the NATS server")
	flags.IntVar(&f.nats.Port, "port", 0, "port of the NATS server")
	return cmd
}

// ready says where the part is.
func (a *app) ready(url string) error { return json.NewEncoder(a.stdout).Encode(rig.Ready{URL: url}) }

func (a *app) natsPart(ctx context.Context, f *partFlags) error {
	s, err := embedded.StartNATS(f.nats)
	if err != nil {
		return err
	}
	if err := a.ready(s.URL()); err != nil {
		return errors.Join(err, s.Close())
	}
	<-ctx.Done()
	return s.Close()
}

// redisPart is away for a while whenever it is told so.
func (a *app) redisPart(ctx context.Context, f *partFlags) error {
	s, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		return err
	}
	if err := a.ready(s.URL()); err != nil {
		return errors.Join(err, s.Close())
	}
	for {
		select {
		case <-ctx.Done():
			return s.Close()
		case line := <-f.told:
			text, found := strings.CutPrefix(line, rig.RestartLine+" ")
			away, err := time.ParseDuration(text)
			if !found || err != nil {
				return errors.Join(fmt.Errorf("cannot do %q", line), s.Close())
			}
			s.Stop()
			time.Sleep(away)
			if err := s.Restart(); err != nil {
				return errors.Join(err, s.Close())
			}
		}
	}
}
