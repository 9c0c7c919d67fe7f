package main

import (
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/worker/bench"
)

// measureAll stands for all measurements.
const measureAll = "all"

// read takes the measurements and checks the flags.
func (f *benchFlags) read(cmd *cobra.Command, args []string) error {
	if err := f.checkNumbers(); err != nil {
		return err
	}
	if err := f.readMeasurements(args); err != nil {
		return err
	}
	switch {
	case f.output != "table" && f.output != "json" && f.output != "markdown":
		return usagef("--output must be table, json or markdown")
	case f.output == "markdown" && !slices.Contains(f.settings.Measure, bench.MeasureThroughput):
		return usagef("-o markdown shows %s, which is not to be measured", bench.MeasureThroughput)
	}
	if err := f.readPeers(); err != nil {
		return err
	}
	return checkGiven(cmd, f.given)
}

func (f *benchFlags) readMeasurements(args []string) error {
	for _, arg := range args {
		if arg != measureAll && !slices.Contains(bench.Measurements, arg) {
			return usagef("cannot measure %q; there are %s and %s", arg, strings.Join(bench.Measurements, ", "), measureAll)
		}
	}
	switch {
	case len(args) == 0 && f.settings.Rate == 0:
		f.settings.Measure = []string{bench.MeasureThroughput}
	case len(args) == 0:
		f.settings.Measure = []string{bench.MeasureThroughput, bench.MeasureLatency}
	case slices.Contains(args, measureAll):
		f.settings.Measure = bench.Measurements
	default:
		f.settings.Measure = args
	}
	for _, name := range []string{bench.MeasureLatency, bench.MeasureSessions} {
		if f.settings.Rate == 0 && slices.Contains(f.settings.Measure, name) {
			return usagef("%s needs a --rate above zero", name)
		}
	}
	return nil
}

// checkNumbers looks that each is one that can be measured with.
func (f *benchFlags) checkNumbers() error {
	s := &f.settings
	for _, given := range []struct {
		flag        string
		numbers     []int
		least, most int
	}{
		{"events", []int{s.Events}, 2, 10_000_000},
		{"rounds", []int{s.Rounds}, 1, 100},
		{"concurrency", []int{s.Concurrency}, 1, 4096},
		{"size", []int{s.Size}, 0, 200 << 10},
		{"backlog", []int{s.Backlog}, 1, 10_000_000},
		{"replicas", s.Replicas, 1, 64},
		{"duplicates", s.Duplicates, 0, 99},
		{"grow", []int{s.Grow}, 20, 10_000_000},
	} {
		if len(given.numbers) == 0 || slices.Min(given.numbers) < given.least || slices.Max(given.numbers) > given.most {
			return usagef("--%s must be from %d to %d", given.flag, given.least, given.most)
		}
	}
	if len(s.Latencies) == 0 || slices.Min(s.Latencies) < 0 || slices.Max(s.Latencies) > 10*time.Second {
		return usagef("--latency must be from 0s to 10s")
	}
	if !(s.Rate >= 0 && s.Rate <= 10_000) { // so that NaN fails too
		return usagef("--rate must be from 0 to 10000")
	}
	if s.RateFor < time.Second || s.RateFor > time.Hour {
		return usagef("--rate-for must be from 1s to 1h")
	}
	return nil
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

func (f *benchFlags) profiles() (args []string) {
	if f.cpuProfile != "" {
		args = append(args, "--cpuprofile="+f.cpuProfile)
	}
	if f.memProfile != "" {
		args = append(args, "--memprofile="+f.memProfile)
	}
	return args
}
