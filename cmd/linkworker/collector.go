package main

import (
	"os"
	"runtime/debug"
)

// How much the heap may grow between two collections of garbage, in per cent. What
// lives is small, some megabytes, so that the default of 100 would collect dozens
// of times a second to save as many megabytes.
const (
	collectorOfWorker = 200
	// A command that reads a stream through keeps next to nothing of it, and ends.
	collectorOfReader = 400
)

// easeCollector sets it, unless whoever runs the program has: see
// https://pkg.go.dev/runtime#hdr-Environment_Variables.
func easeCollector(percent int) {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(percent)
	}
}
