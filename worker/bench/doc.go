// Package bench measures the worker against the bare I/O of its way, on the same servers and in the same run.
//
//	servers, err := rig.StartServers(ctx, program)              // NATS and Redis of its own; or those of the user
//	report, err := bench.Run(ctx, servers, bench.Options{…})    // figures only if every event got its one link
//
// What is measured is a [Contender]: a process that takes invoice.issued from the durable consumer of the worker, asks the
// vendor for a link and publishes link.created. The worker is one, the [Roofline] the other, and deploy/bench has more. All
// get the same servers, the same events, the same vendor (see [Vendor]) and the same number of calls at once, and take turns,
// so that what else the machine does falls on all of them. A figure is the median of the rounds; a ratio is the median of the
// ratios within each round.
//
//   - Throughput: a backlog is queued, the contender is started, and the time from the first link.created to the last, as the
//     stream has stored them, is taken. Processor time is the whole process's, start included.
//   - Latency: events are published at a steady rate to a contender that is warm; it is the time from the event's being
//     stored to its link.created's.
//
// The rest is measured of the worker alone: sessions of an idle and of a busy worker, workers that share a backlog, duplicates,
// memory, and the cost of an event as streams and Redis grow.
//
// The package starts the parts as processes, through a command of the program (see [rig.Part]), and touches no terminal.
package bench
