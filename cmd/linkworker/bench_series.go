package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/linkworker/linkworker/worker/bench"
)

// printSeries prints what was measured of the worker alone.
func printSeries(t *tabwriter.Writer, r *bench.Report) {
	if r.Sessions != nil {
		printSessions(t, r.Sessions)
	}
	if r.Replicas != nil {
		printReplicas(t, r.Replicas)
	}
	if len(r.Duplicates) > 0 {
		printDuplicates(t, r.Duplicates)
	}
	if r.Memory != nil {
		printMemory(t, r.Memory)
	}
	if r.Growth != nil {
		printGrowth(t, r.Growth)
	}
}

// sessionGoal is how much longer a session may take for a backlog.
const sessionGoal = 20 * time.Millisecond

func printSessions(t *tabwriter.Writer, s *bench.Sessions) {
	fmt.Fprintf(t, "Sessions: from request to link.created at %g a second, vendor %v\n", s.PerSecond, s.VendorLatency)
	fmt.Fprintln(t, "WORKER\tp50\tp90\tp99\tCALLS/S\tOF LIMIT")
	fmt.Fprintf(t, "idle\t%v\t%v\t%v\t%.0f\t%s\n", brief(s.Median.Idle.P50), brief(s.Median.Idle.P90), brief(s.Median.Idle.P99),
		s.PerSecond, share(s.PerSecond, s.Limit))
	fmt.Fprintf(t, "%s invoices queued\t%v\t%v\t%v\t%.0f\t%s\n", thousands(float64(s.Backlog)), brief(s.Median.Busy.P50),
		brief(s.Median.Busy.P90), brief(s.Median.Busy.P99), s.Median.Calls, share(s.Median.Calls, s.Limit))
	fmt.Fprintf(t, "longer\t%v\t\t%v\t(goal: a p99 of %v at the most)\n\n", brief(s.Median.More50), brief(s.Median.More99), sessionGoal)
}

func printReplicas(t *tabwriter.Writer, r *bench.Replicas) {
	fmt.Fprintf(t, "Replicas that share a backlog, vendor %v\n", r.VendorLatency)
	fmt.Fprintln(t, "REPLICAS\tEVENTS/S\tTIMES THE FIRST\tOF LIMIT\tCPU s/1000\tNATS\tREDIS\tMEMORY MiB EACH")
	for _, c := range r.Counts {
		m := c.Median
		fmt.Fprintf(t, "%d\t%.0f\t%s\t%s\t%.3f\t%.3f\t%.3f\t%d\n", c.Replicas, m.PerSecond, ratio(c.Ratio), share(m.PerSecond, c.Limit),
			m.CPU, m.NATSCPU, m.RedisCPU, m.PeakMemory>>20)
	}
	fmt.Fprintln(t)
}

func printDuplicates(t *tabwriter.Writer, all []bench.Duplicates) {
	fmt.Fprintln(t, "Duplicates in a backlog, vendor 0s")
	fmt.Fprintln(t, "DUPLICATES\tEVENTS/S\tTIMES THE FIRST\tCPU s/1000\tTIMES THE FIRST\tNATS\tREDIS")
	for _, d := range all {
		m := d.Median
		fmt.Fprintf(t, "%d %%\t%.0f\t%s\t%.3f\t%s\t%.3f\t%.3f\n", d.Percent, m.PerSecond, ratio(d.Ratio), m.CPU, ratio(d.CPURatio),
			m.NATSCPU, m.RedisCPU)
	}
	fmt.Fprintln(t)
}

func printMemory(t *tabwriter.Writer, m *bench.Memory) {
	fmt.Fprintln(t, "Memory of a worker with a large backlog, vendor 0s")
	fmt.Fprintln(t, "QUEUED\tFIRST LINK\tMiB THEN\tWORKED OFF\tMOST MiB")
	fmt.Fprintf(t, "%s\t%v\t%.1f\t%s\t%.1f\n\n", thousands(float64(m.Queued)), m.FirstLink.Round(time.Millisecond), mebibytes(m.Started),
		thousands(float64(m.Drained)), mebibytes(m.Peak))
}

func printGrowth(t *tabwriter.Writer, g *bench.Growth) {
	fmt.Fprintln(t, "Growing streams and Redis, vendor 0s")
	fmt.Fprintln(t, "EVENTS BEFORE\tEVENTS/S\tCPU s/1000\tNATS\tREDIS\tMEMORY MiB\tFIRST LINK\tREDIS HOLDS MiB")
	for _, s := range g.Steps {
		fmt.Fprintf(t, "%s\t%.0f\t%.3f\t%.3f\t%.3f\t%d\t%v\t%.0f\n", thousands(float64(s.Before)), s.PerSecond, s.CPU, s.NATSCPU, s.RedisCPU,
			s.PeakMemory>>20, s.FirstLink.Round(time.Millisecond), mebibytes(s.Redis))
	}
	if g.TokenBytes > 0 {
		fmt.Fprintf(t, "Redis holds %.0f bytes for a token.\n", g.TokenBytes)
	}
	fmt.Fprintln(t)
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
