package worker

import (
	"context"
	"errors"
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
	a := d.answer
	if a == nil {
		var err error
		if a, err = decodeAnswer(c.Answer); err != nil {
			return err
		}
	}
	// Whoever took the claim over while this process stood still has published; the duplicate window would hold, and
	// yet each wall is to hold alone.
	if err := w.makeSure(ctx, d, c, w.insist); err != nil {
		return err
	}
	for n := c.Generation; ; n++ {
		ack, err := w.fit(ctx, d, events.SubjectLinkCreated, func(o own) (*nats.Msg, error) { return w.created(d, a, n, o) })
		if err != nil {
			return err
		}
		w.reached(d, stepPublished)
		c.Told = ack.Sequence
		if !ack.Duplicate || !events.Perishable(d.identity) {
			return nil
		}
		perished := w.perished(ctx, ack, a)
		w.reached(d, stepCompared)
		if !perished {
			return nil
		}
	}
}

// created is link.created for the answer.
func (w *Worker) created(d *delivery, a *answer, generation int, o own) (*nats.Msg, error) {
	ev := d.event
	id := events.LinkCreatedID(ev.Token(), numbered(d.identity, generation))
	at := a.CreatedAt
	if at.IsZero() {
		at = time.Now()
	}
	return events.EncodeLinkCreated(w.settings.Source, id, at, &events.LinkCreated{
		Kind: ev.Kind, CheckoutToken: ev.Token(), URL: a.URL, LinkID: a.LinkID, SessionID: a.SessionID, Status: a.Status,
		ExpiresAt: a.ExpiresAt, Amount: a.Amount, Currency: a.Currency, Customer: ev.Customer().Public(),
		InvoiceID: o.invoiceID, Metadata: o.metadata, RequestID: o.requestID, CreatedAt: a.CreatedAt, CausationID: o.causationID,
	})
}

// numbered tells sessions of the same perishable identity apart: each but the first has its number.
func numbered(identity string, generation int) string {
	if generation == 0 {
		return identity
	}
	return identity + "." + strconv.Itoa(generation)
}

// perished reports whether the stream's duplicate of our id tells of an earlier session that has expired since: Redis has
// forgotten its number, and ours needs the next one. Where that cannot be seen, a duplicate is a duplicate.
func (w *Worker) perished(ctx context.Context, ack *jetstream.PubAck, a *answer) bool {
	stream, err := w.js.Stream(ctx, ack.Stream)
	if err != nil {
		return false
	}
	stored, err := stream.GetMsg(ctx, ack.Sequence)
	if err != nil {
		return false
	}
	notice, err := events.DecodeNotice(stored.Subject, stored.Header, stored.Data)
	if err != nil || notice.Created == nil || notice.Created.SessionID == a.SessionID {
		return false
	}
	expired := notice.Created.ExpiresAt
	return !expired.IsZero() && expired.Before(time.Now())
}

// The pace at which a publication is tried again when its stream does not acknowledge it.
const (
	sendTimeout = 5 * time.Second
	sendRetry   = 250 * time.Millisecond
)

// send publishes until the stream acknowledges or ctx ends: NATS may be away, a leader may be changing, three replicas may
// answer that the same id is being stored already. Repeating is safe, since every message that is sent has its id. What
// no repetition helps is an error.
func (w *Worker) send(ctx context.Context, subject string, msg *nats.Msg) (ack *jetstream.PubAck, err error) {
	return ack, w.insistOnStream(ctx, subject, func(ctx context.Context) (err error) {
		ack, err = w.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(w.streams.name(subject)))
		return err
	})
}

// insistOnStream does a step that a stream acknowledges until it does. A stream that is gone is made again.
func (w *Worker) insistOnStream(ctx context.Context, subject string, step func(context.Context) error) error {
	return insistWith(ctx, sendRetry, nil, func(err error) {
		w.log.Warn("a stream does not acknowledge; trying again", "subject", subject, "error", err)
		if errors.Is(err, jetstream.ErrNoStreamResponse) && w.nats.IsConnected() {
			if err := w.streams.restore(ctx); err != nil {
				w.log.Error("the stream could not be made again", "subject", subject, "error", err)
			}
		}
	}, func() error {
		ctx, cancel := context.WithTimeout(ctx, sendTimeout)
		defer cancel()
		return step(ctx)
	})
}

// tooLarge reports whether a message is larger than the server or the stream takes: no repetition helps, only the
// operator.
func tooLarge(err error) bool {
	refused, ok := errors.AsType[*jetstream.APIError](err)
	return errors.Is(err, nats.ErrMaxPayload) || ok && refused.ErrorCode == streamMessageExceedsMaximum
}

// streamMessageExceedsMaximum is the server's JSStreamMessageExceedsMaximumErr.
const streamMessageExceedsMaximum = 10054
