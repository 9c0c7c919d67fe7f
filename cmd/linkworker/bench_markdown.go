package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linkworker/linkworker/worker/bench"
)

// markdownBench prints the contenders side by side, as a table for a page.
func (a *app) markdownBench(r *bench.Report) error {
	head, rule := "| |", "| --- |"
	for _, at := range r.Throughput {
		head += " vendor " + vendorName(at.VendorLatency) + " |"
		rule += " --- |"
	}
	head += " CPU | memory |"
	rule += " --- | --- |"
	if r.Latency != nil {
		head += " p50 |"
		rule += " --- |"
	}
	lines := []string{head, rule}
	for i, c := range r.Throughput[0].Contenders {
		line := "| " + c.Name + " |"
		for _, at := range r.Throughput {
			line += " " + besides(thousands(at.Contenders[i].Median.PerSecond), at.Contenders[i].Ratio) + " |"
		}
		line += fmt.Sprintf(" %s | %d MiB |", besides(fmt.Sprintf("%.3f", c.Median.CPU), c.CPURatio), c.Median.PeakMemory>>20)
		if r.Latency != nil {
			line += fmt.Sprintf(" %v |", brief(r.Latency.Contenders[i].Median.P50))
		}
		lines = append(lines, line)
	}
	_, err := fmt.Fprintln(a.stdout, strings.Join(append(lines, limits(r)...), "\n"))
	return err
}

// limits is the row of Little's law, where any vendor takes its time.
func limits(r *bench.Report) []string {
	line, any := "| calls at once / latency |", false
	for _, at := range r.Throughput {
		text := ""
		if at.Limit > 0 {
			text, any = thousands(at.Limit), true
		}
		line += " " + text + " |"
	}
	if !any {
		return nil
	}
	if r.Latency != nil {
		line += " |"
	}
	return []string{line + " | |"}
}

func vendorName(latency time.Duration) string {
	if latency == 0 {
		return "instant"
	}
	return latency.String()
}

// besides is a figure with its ratio to the roofline's.
func besides(figure string, ratio float64) string {
	if ratio == 0 || ratio == 1 {
		return figure
	}
	return fmt.Sprintf("%s (%.2f)", figure, ratio)
}

// thousands writes a number with commas.
func thousands(f float64) string {
	text := strconv.FormatFloat(f, 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
