package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/linkworker/linkworker/worker/bench"
)

const (
	results = "../../deploy/bench/results"
	// shownResults are those that the README shows: the beginning of their files' names.
	shownResults = "2026-11-28"
)

// keptResults are reports of the bench, by file.
func keptResults(t *testing.T, pattern string) map[string]*bench.Report {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(results, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatal("no results ", pattern, err)
	}
	reports := map[string]*bench.Report{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		report := new(bench.Report)
		if err := decoder.Decode(report); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		reports[filepath.Base(path)] = report
	}
	return reports
}

// What is kept from release to release can still be read, and says on what it was measured.
func TestKeptResults(t *testing.T) {
	for name, r := range keptResults(t, "*.json") {
		if r.Version == "" || r.Time.IsZero() || r.Machine.CPUs == 0 || r.Servers.Redis == "" || len(r.Settings.Measure) == 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if len(r.Throughput) == 0 && r.Latency == nil && r.Sessions == nil && r.Replicas == nil && r.Duplicates == nil &&
			r.Memory == nil && r.Growth == nil {
			t.Errorf("%s has no figures", name)
		}
	}
}

// The figures in the README are those of the results that are kept.
func TestReadmeSpeed(t *testing.T) {
	holdReadme(t, "speed", speedTables(t, keptResults(t, shownResults+"*.json")))
}

// speedTables are the contenders side by side, and what was measured of the worker alone.
func speedTables(t *testing.T, reports map[string]*bench.Report) string {
	t.Helper()
	names := []string{}
	for name := range reports {
		names = append(names, name)
	}
	slices.Sort(names)
	var all, alone bytes.Buffer
	together := new(bench.Report) // what one run would have said
	for _, name := range names {
		r := reports[name]
		if len(r.Throughput) > 0 {
			if err := (&app{stdout: &all}).markdownBench(r); err != nil {
				t.Fatal(err)
			}
		}
		together.Sessions = cmp.Or(r.Sessions, together.Sessions)
		together.Replicas = cmp.Or(r.Replicas, together.Replicas)
		together.Memory = cmp.Or(r.Memory, together.Memory)
		together.Growth = cmp.Or(r.Growth, together.Growth)
		together.Duplicates = append(together.Duplicates, r.Duplicates...)
	}
	table := tabwriter.NewWriter(&alone, 0, 0, 2, ' ', 0)
	printSeries(table, together)
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	return all.String() + "\n```\n" + strings.TrimSpace(alone.String()) + "\n```\n"
}
