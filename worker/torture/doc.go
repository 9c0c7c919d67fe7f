// Package torture puts the worker's promise on trial: every event ends in exactly one recorded outcome, one link for every
// checkoutToken, one link.created for every link, whatever crashes.
//
//	servers, err := rig.StartServers(ctx, program)           // NATS and Redis of its own; or those of the user
//	report, err := torture.Run(ctx, servers, torture.Options{…})
//	if report.Broken() { … }                                 // report.Invariants says where, with the whole timeline
//
// Real worker processes, linkworker run, work on a stream of events while faults are done to them: see [Faults]. The vendor
// is the emulator, package conomytest; between it, NATS, Redis and each worker lies a proxy that cuts and slows.
//
// # Seed
//
// The seed decides what the events are and in which order they are published, and the schedule: which fault is done, how,
// and after which event. A round publishes a few events and does one fault while they are in work; the next one begins when
// all but a few events have ended. So the schedule hangs on the work and not on the clock. What no seed decides is where
// exactly in its code a process is when it is hit. The same seed does the same things again; to meet the same gap again may
// take several runs.
//
// # Counting
//
// Nothing is counted by the workers. When all has ended, and every worker too, the streams and the emulator's book are read
// and held against what was published, see judge.go. Workers' logs are read for the timeline of a counter-example alone.
package torture
