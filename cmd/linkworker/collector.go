package main

import (
	"os"
	"runtime/debug"
)

// collectorPercent is how much the heap of a worker may grow between two
// collections of garbage. What lives is small, some megabytes, so that the default
// of 100 would collect dozens of times a second to save as many megabytes.
const collectorPercent = 200

// easeCollector sets it, unless whoever runs the program has: see
// https://pkg.go.dev/runtime#hdr-Environment_Variables.
func easeCollector() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(collectorPercent)
	}
}
