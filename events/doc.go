// Package events is what linkworker says and hears on the wire: the four
// events, their subjects, their JSON Schemas, how each is read from and written
// to a NATS message, and the ids that make a repeat recognisable.
//
// Billing systems write [SubjectInvoiceIssued] and [SubjectSessionRequested];
// the worker answers each with one [SubjectLinkCreated] or one
// [SubjectLinkFailed].
//
// # From a billing system
//
//	p := events.NewProducer(js, "/billing/shop-7")
//	ack, err := p.PublishInvoice(ctx, &events.Invoice{
//		CheckoutToken: "invoice-1001",
//		Currency:      "CLP",
//		Items: []events.Item{{
//			PreTaxAmount: "49990", TotalAmount: "49990", Description: "Plan",
//		}},
//	})
//
// A [Producer] refuses what the worker would refuse, before it is published, and
// gives a repeat the id of the first, so that the stream drops it.
//
// # From a notifier
//
//	n := events.NewNotifier(js, "mailer", seen, func(ctx context.Context, n events.Notice) error {
//		if n.Created == nil {
//			return nil // a failure: for the billing system, not for the payer
//		}
//		return send(ctx, n.ID, n.Created.Customer, n.Created.URL)
//	})
//	err := n.Run(ctx)
//
// # Reading an event
//
// [Decode] takes the three forms in which an event may arrive (CloudEvents
// binary mode, CloudEvents structured mode, plain JSON) and answers either an
// [Event] or an [InvalidError] that names every bad field with its path. It
// ignores fields that it does not know ([UnknownFields] lists them) and takes
// null for absent.
//
// # Values
//
// Amounts are decimal strings in the currency's major unit, see [Amount]; a JSON
// number is refused. Times are RFC 3339. Durations are whole seconds. Tokens are
// opaque text of 1 to 200 bytes: they may hold slashes, spaces and any script,
// and [SafeID] makes them fit where they stand in an id.
package events
