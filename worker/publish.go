package worker

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
)

// publish tells of the recorded answer: link.created, under an id that is the same whoever publishes it and however
// often, acknowledged by its stream before it returns.
func (w *Worker) publish(ctx context.Context, d *delivery, c *claim.Claim) error {
	a, err := decodeAnswer(c.Answer)
	if err != nil {
		return err
	}
	ev := d.event
	created := &events.LinkCreated{
		Kind: ev.Kind, CheckoutToken: ev.Token(), URL: a.URL, LinkID: a.LinkID, SessionID: a.SessionID, Status: a.Status,
		ExpiresAt: a.ExpiresAt, Amount: a.Amount, Currency: a.Currency, Customer: ev.Customer().Public(),
		InvoiceID: ev.InvoiceID(), Metadata: ev.Metadata(), RequestID: ev.RequestID(), CreatedAt: a.CreatedAt,
		CausationID: events.CausationID(ev, d.msgID()),
	}
	id := events.LinkCreatedID(ev.Token(), generation(d.identity, c.Generation))
	msg, err := events.EncodeLinkCreated(w.settings.Source, id, a.CreatedAt, created)
	if err != nil {
		return err
	}
	// Whoever took the claim over while this process stood still has published; the duplicate window would hold, and
	// yet each wall is to hold alone.
	if !c.Sure() {
		if err := w.insist(ctx, func() error { return c.Renew(ctx) }); err != nil {
			return err
		}
	}
	return w.send(ctx, events.SubjectLinkCreated, msg)
}

// generation tells sessions of the same perishable identity apart: each but the first has its number.
func generation(identity string, n int) string {
	if n == 0 {
		return identity
	}
	return identity + "." + strconv.Itoa(n)
}

// The pace at which a publication is tried again when its stream does not acknowledge it.
const (
	sendTimeout = 5 * time.Second
	sendRetry   = 250 * time.Millisecond
)

// send publishes until the stream acknowledges or ctx ends: NATS may be away, a leader may be changing, three replicas may
// answer that the same id is being stored already. Repeating is safe, since every message that is sent has its id.
func (w *Worker) send(ctx context.Context, subject string, msg *nats.Msg) error {
	return w.insistWith(ctx, sendRetry, func(err error) {
		w.log.Warn("publishing failed; trying again", "subject", subject, "error", err)
	}, func() error {
		ctx, cancel := context.WithTimeout(ctx, sendTimeout)
		defer cancel()
		_, err := w.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(w.streams.name(subject)))
		return err
	})
}
