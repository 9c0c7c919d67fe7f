package bench

import "context"

// The names of what can be measured.
const (
	MeasureThroughput = "throughput"
	MeasureLatency    = "latency"
	MeasureSessions   = "sessions"
	MeasureReplicas   = "replicas"
	MeasureDuplicates = "duplicates"
	MeasureMemory     = "memory"
	MeasureGrowth     = "growth"
)

// Measurements are all that can be measured.
var Measurements = []string{
	MeasureThroughput, MeasureLatency, MeasureSessions, MeasureReplicas, MeasureDuplicates, MeasureMemory, MeasureGrowth,
}

// measurement is what a run is made of.
type measurement struct {
	names  []string // one of them is to be measured
	events func(*bench) int
	run    func(*bench, context.Context, *Report) error
}

// measurements are in the order in which they are made: what fills the servers comes last.
var measurements = []measurement{
	{[]string{MeasureThroughput, MeasureLatency}, (*bench).sideBySideEvents, (*bench).sideBySide},
	{[]string{MeasureSessions}, (*bench).sessionsEvents, (*bench).sessions},
	{[]string{MeasureReplicas}, (*bench).replicasEvents, (*bench).replicas},
	{[]string{MeasureDuplicates}, (*bench).duplicatesEvents, (*bench).duplicates},
	{[]string{MeasureMemory}, (*bench).memoryEvents, (*bench).memory},
	{[]string{MeasureGrowth}, (*bench).growthEvents, (*bench).growth},
}
