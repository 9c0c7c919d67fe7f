package worker

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// own is what a result brings back of the billing system's own. It has no bound of its own in an event that breaks the
// rules, nor a small one in one that keeps them.
type own struct {
	invoiceID, requestID, causationID string
	metadata                          jsontext.Value
}

// ownOf reads it from the event, or from what can be read of one that is not valid.
func ownOf(d *delivery) own {
	if ev := d.event; ev != nil {
		return own{ev.InvoiceID(), ev.RequestID(), events.CausationID(ev, d.msgID()), ev.Metadata()}
	}
	if bad := d.bad; bad != nil {
		cause := events.CausationID(&events.Event{ID: bad.ID, Source: bad.Source}, d.msgID())
		return own{bad.InvoiceID, bad.RequestID, cause, bad.Metadata}
	}
	return own{}
}

// fit publishes a result whole or, where the server or the stream does not take so much, without the metadata, and if need
// be without all that is the billing system's own: an outcome that cannot be told would never come.
func (w *Worker) fit(ctx context.Context, d *delivery, subject string, build func(own) (*nats.Msg, error)) (*jetstream.PubAck, error) {
	whole := ownOf(d)
	less := whole
	less.metadata = nil
	var ack *jetstream.PubAck
	var err error
	for i, o := range []own{whole, less, {}} {
		if i > 0 {
			w.log.Error("a result is larger than the server takes and goes out without what is the billing system's own; raise max_payload, or the stream's max_msg_size",
				"event", d.name(), "subject", subject, "without", [...]string{"", "metadata", "invoiceId, requestId, causationId, metadata"}[i])
		}
		var msg *nats.Msg
		if msg, err = build(o); err != nil {
			return nil, err
		}
		if ack, err = w.send(ctx, subject, msg); !tooLarge(err) {
			break
		}
	}
	return ack, err
}
