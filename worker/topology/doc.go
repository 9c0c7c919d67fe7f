// Package topology makes and checks the streams and consumers that the worker
// stands on.
//
//	t, err := topology.Ensure(ctx, js, topology.Settings{AckWait: 15 * time.Second})
//	if unfit := new(topology.UnfitError); errors.As(err, &unfit) {
//		// each of unfit.Findings says what is wrong, and how to mend it
//	}
//	consumer := t.Consumers[events.SubjectInvoiceIssued]
//
// There are three streams (BILLING, LINKS, DEADLETTERS) and two durable pull
// consumers on what carries the events to be worked on. [Ensure] makes what is
// missing and never alters what exists; a subject that a stream of another name
// carries already stays there. [Inspect] only looks.
//
// What exists may be unfit, so that the worker could lose an event or do its work
// twice; then Ensure makes nothing and tells all of it. Or it may be weaker than
// configured, which is a warning.
//
// # Rights
//
// With all in place under the default names a NATS user needs no right but to look
// and to work: publish to
//
//	$JS.API.STREAM.INFO.{stream}
//	$JS.API.CONSUMER.INFO.{stream}.{consumer}
//	$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}
//	$JS.ACK.{stream}.{consumer}.>
//	$JS.API.DIRECT.GET.{stream}, of the events and of the results
//	link.created, link.failed, deadletter.>
//
// and subscribe to its inboxes. Streams of other names are found with
// $JS.API.STREAM.NAMES; what is missing is made with
// $JS.API.STREAM.CREATE.{stream} and $JS.API.CONSUMER.CREATE.{stream}.>
package topology
