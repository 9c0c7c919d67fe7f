package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkworker/linkworker/worker/bench"
)

// measured runs the command for its report.
func measured(t *testing.T, args ...string) *bench.Report {
	t.Helper()
	code, stdout, stderr := runBench(t, slices.Concat([]string{"bench", "--rounds", "1", "-o", "json"}, args)...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	report := new(bench.Report)
	if err := json.Unmarshal([]byte(stdout), report); err != nil {
		t.Fatal(err)
	}
	return report
}

// prints looks for lines in a report's table.
func prints(t *testing.T, report *bench.Report, lines ...string) {
	t.Helper()
	var out bytes.Buffer
	if err := (&app{stdout: &out}).printBench(report); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if !regexp.MustCompile("(?m)^" + line + "$").MatchString(out.String()) {
			t.Errorf("no line %s in\n%s", line, out.String())
		}
	}
}

// A session is asked for ahead of the invoices that were there before it: with a backlog of many seconds it comes after less
// than one.
func TestBenchSessionsFirst(t *testing.T) {
	report := measured(t, "sessions", "--latency", "0,50ms", "--concurrency", "8", "--backlog", "3000", "--rate", "20", "--rate-for", "2s")
	s := report.Sessions
	if s == nil || report.Throughput != nil || report.Latency != nil || len(s.Rounds) != 1 {
		t.Fatalf("measured %+v", report)
	}
	latency, m := 50*time.Millisecond, s.Median
	if s.VendorLatency != latency || m.Idle.Events != 40 || m.Busy.Events != 40 || m.Idle.P50 < latency || m.Busy.P50 < latency ||
		m.More50 != m.Busy.P50-m.Idle.P50 || m.More99 != m.Busy.P99-m.Idle.P99 {
		t.Errorf("%+v", s)
	}
	// 3000 invoices, 8 at once, take nearly 20 s: a session behind them would come after more than half of that.
	if m.Busy.P50 > 5*time.Second {
		t.Errorf("a session took %v of an idle worker and %v of a busy one", m.Idle.P50, m.Busy.P50)
	}
	if m.Calls < 0.2*s.Limit || m.Calls > 1.3*s.Limit {
		t.Errorf("the busy worker made %.0f calls a second of %.0f", m.Calls, s.Limit)
	}
	prints(t, report, `idle( +[\d.]+m?s){3} +20 +0\.12`, `3,000 invoices queued( +[\d.]+m?s){3} +\d+ +[\d.]+`,
		`longer +-?[\d.]+.?s +-?[\d.]+.?s +\(goal: a p99 of 20ms at the most\)`)
}

// A backlog that is over too soon proves nothing.
func TestBenchSessionsBacklogTooSmall(t *testing.T) {
	code, stdout, stderr := runBench(t, "bench", "sessions", "--rounds", "1", "--latency", "0", "--backlog", "100", "--rate", "20", "--rate-for", "1s")
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "it must be larger") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

func TestBenchGrowing(t *testing.T) {
	report := measured(t, "replicas", "duplicates", "memory", "growth", "--latency", "5ms", "--events", "200", "--grow", "400",
		"--replicas", "1,2", "--duplicates", "0,90", "--concurrency", "16")
	if r := report.Replicas; r == nil || len(r.Counts) != 2 {
		t.Errorf("replicas: %+v", r)
	} else {
		for i, c := range r.Counts {
			if c.Replicas != i+1 || c.Median.Events != 200*c.Replicas || c.Median.PerSecond <= 0 || c.Ratio <= 0 {
				t.Errorf("replicas: %+v", c)
			}
		}
		if r.Counts[1].Limit != 2*r.Counts[0].Limit {
			t.Errorf("limits %g and %g", r.Counts[0].Limit, r.Counts[1].Limit)
		}
	}
	if len(report.Duplicates) != 2 {
		t.Errorf("duplicates: %+v", report.Duplicates)
	}
	for _, d := range report.Duplicates {
		if d.Median.Events != 200 || d.Median.PerSecond <= 0 || d.Ratio <= 0 {
			t.Errorf("duplicates: %+v", d)
		}
	}
	if m := report.Memory; m == nil || m.Queued != 400 || m.Drained != 80 || m.Peak < m.Started || m.FirstLink <= 0 {
		t.Errorf("memory: %+v", m)
	}
	if g := report.Growth; g == nil || len(g.Steps) != 10 || g.Steps[9].Before != 360 || g.Steps[9].Events != 40 {
		t.Errorf("growth: %+v", g)
	} else if strings.HasPrefix(report.Servers.Redis, "redis-server") && (g.TokenBytes < 100 || g.TokenBytes > 100_000) {
		t.Errorf("%.0f bytes a token", g.TokenBytes)
	}
	prints(t, report, `1 +\d+ +1\.00 .*`, `2 +\d+ +\d\.\d\d .*`, `0 % +\d+ +1\.00 .*`, `90 % +\d+ +\d.*`, `400 +\d+m?s +[\d.]+ +80 +[\d.]+`, `360 +\d+ .*`)
}
