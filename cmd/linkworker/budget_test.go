package main

import (
	"testing"

	"github.com/linkworker/linkworker/worker/bench"
)

// budget is what the worker may allocate for an invoice of 600 bytes, its start included: about 15 % more than it did when
// this was written. The race detector allocates, too.
type budget struct{ times, bytes float64 }

// TestAllocationBudget holds the worker to it. When it fails, linkworker bench throughput --latency 0 --memprofile shows what
// the way of an event costs now.
func TestAllocationBudget(t *testing.T) {
	report := measured(t, "throughput", "--latency", "0", "--events", "3000")
	for _, c := range report.Throughput[0].Contenders {
		got := budget{c.Median.Allocs, c.Median.AllocBytes}
		t.Logf("%s: %.0f allocations, %.1f KiB", c.Name, got.times, got.bytes/1024)
		if c.Name != bench.NameWorker {
			continue
		}
		if got.times > allocationBudget.times || got.bytes > allocationBudget.bytes {
			t.Errorf("%.0f allocations and %.0f bytes an event, and %.0f and %.0f are the budget",
				got.times, got.bytes, allocationBudget.times, allocationBudget.bytes)
		}
	}
}
