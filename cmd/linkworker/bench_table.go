package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/linkworker/linkworker/worker/bench"
)

func (a *app) printBenchJSON(r *bench.Report) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// printBench prints the report for people.
func (a *app) printBench(r *bench.Report) error {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "linkworker %s, %s, %s/%s, %d CPUs; NATS: %s; Redis: %s\n", r.Version, r.Machine.Go, r.Machine.OS, r.Machine.Arch,
		r.Machine.CPUs, r.Servers.NATS, r.Servers.Redis)
	fmt.Fprintf(t, "%d calls at once, invoices of %d bytes, medians of %d rounds\n\n", r.Settings.Concurrency, r.Settings.Size, r.Settings.Rounds)
	if len(r.Throughput) > 0 {
		printThroughput(t, r.Throughput)
	}
	if r.Latency != nil {
		printLatency(t, r.Latency)
	}
	for _, at := range r.Throughput {
		printSteps(t, at)
	}
	printSeries(t, r)
	return t.Flush()
}

func printThroughput(t *tabwriter.Writer, all []bench.Throughput) {
	fmt.Fprintln(t, "VENDOR\tWHO\tEVENTS/S\tOF ROOFLINE\tOF LIMIT\tCPU s/1000\tOF ROOFLINE\tNATS\tREDIS\tMEMORY MiB\tALLOCATED/EVENT\tFIRST LINK")
	for _, at := range all {
		for _, c := range at.Contenders {
			m := c.Median
			fmt.Fprintf(t, "%v\t%s\t%.0f\t%s\t%s\t%.3f\t%s\t%.3f\t%.3f\t%d\t%s\t%v\n", at.VendorLatency, c.Name, m.PerSecond, ratio(c.Ratio),
				share(m.PerSecond, at.Limit), m.CPU, ratio(c.CPURatio), m.NATSCPU, m.RedisCPU, m.PeakMemory>>20, allocated(m),
				m.FirstLink.Round(time.Millisecond))
		}
	}
	fmt.Fprintln(t)
}

func ratio(r float64) string {
	if r == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", r)
}

func share(of, limit float64) string {
	if limit == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", of/limit)
}

func allocated(d bench.Drain) string {
	if d.Allocs == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f KiB, %.0f times", d.AllocBytes/1024, d.Allocs)
}

func printLatency(t *tabwriter.Writer, l *bench.Latency) {
	fmt.Fprintf(t, "From event to link.created at %g events a second, vendor %v\n", l.PerSecond, l.VendorLatency)
	fmt.Fprintln(t, "WHO\tp50\tp90\tp99")
	for _, c := range l.Contenders {
		fmt.Fprintf(t, "%s\t%v\t%v\t%v\n", c.Name, brief(c.Median.P50), brief(c.Median.P90), brief(c.Median.P99))
	}
	fmt.Fprintln(t)
	for _, c := range l.Contenders {
		if c.Median.Steps != nil {
			fmt.Fprintf(t, "Mean time in each step at %g events a second, %s\n", l.PerSecond, c.Name)
			printStepTimes(t, c.Median.Steps)
		}
	}
}

func printSteps(t *tabwriter.Writer, at bench.Throughput) {
	for _, c := range at.Contenders {
		if c.Median.Steps != nil {
			fmt.Fprintf(t, "Mean time in each step under a backlog, vendor %v, %s\n", at.VendorLatency, c.Name)
			printStepTimes(t, c.Median.Steps)
		}
	}
}

// printStepTimes prints the longest first.
func printStepTimes(t *tabwriter.Writer, steps map[string]time.Duration) {
	names := make([]string, 0, len(steps))
	for name := range steps {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(steps[b], steps[a]), cmp.Compare(a, b)) })
	for i, name := range names {
		if i > 0 {
			fmt.Fprint(t, ", ")
		}
		fmt.Fprintf(t, "%s %v", name, brief(steps[name]))
	}
	fmt.Fprint(t, "\n\n")
}

// brief has three figures at the most.
func brief(d time.Duration) time.Duration {
	unit := time.Microsecond
	for d.Abs() >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit)
}
