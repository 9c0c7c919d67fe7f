package worker

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// death is a verdict as it lies in the event's grave: all that its dead letter says beyond the message itself, so that a
// letter written after a crash is the same letter.
type death struct {
	failure
	Attempts int       `json:"attempts,omitzero"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	At       time.Time `json:"at"`
	Worker   string    `json:"worker,omitzero"`
}

// die ends an event as a dead letter: the verdict is written down in Redis (the token is free from then on), the letter is
// put into its stream and its id written down, link.failed is published, the grave is closed, the event acknowledged. Met
// again after a crash it goes on where it was: each of its messages has an id of the event's own.
func (w *Worker) die(ctx context.Context, d *delivery, v verdict) error {
	grave, err := w.bury(ctx, d, v)
	if err != nil {
		return err
	}
	w.reached(d, stepBuried)
	if !grave.Ended {
		if err := w.tellOfDeath(ctx, d, grave); err != nil {
			return err
		}
	}
	return d.msg.Ack()
}

// tellOfDeath puts the letter, unless that is done, and link.failed into their streams and closes the grave.
func (w *Worker) tellOfDeath(ctx context.Context, d *delivery, grave claim.Death) error {
	verdict := new(death)
	if err := json.Unmarshal(grave.Verdict, verdict); err != nil {
		return fmt.Errorf("recorded verdict: %w", err)
	}
	if grave.Letter == "" {
		id, err := w.putLetter(ctx, d, verdict)
		if err != nil {
			return err
		}
		w.reached(d, stepLetter)
		grave.Letter = strconv.FormatUint(id, 10)
		if err := w.insist(ctx, func() error { return w.claims.File(ctx, grave) }); err != nil {
			return err
		}
		w.reached(d, stepFiled)
	}
	told, err := w.sayFailed(ctx, d, verdict, grave.Letter)
	if err != nil {
		return err
	}
	grave.Told, grave.By = told, rand.Text()
	w.reached(d, stepTold)
	var first bool
	err = w.insist(ctx, func() (err error) {
		first, err = w.claims.Close(ctx, grave)
		return err
	})
	if err != nil {
		return err
	}
	if first {
		w.metrics.outcome(d.msg.Subject, "dead", string(verdict.Reason))
	}
	w.reached(d, stepClosed)
	w.log.Warn("dead letter", "id", grave.Letter, "event", d.name(), "subject", d.msg.Subject, "token", tokenOf(d),
		"reason", string(verdict.Reason), "code", verdict.Code, "traceId", verdict.TraceID, "detail", verdict.Detail)
	return nil
}

// bury writes the verdict down, or finds the one that stands.
func (w *Worker) bury(ctx context.Context, d *delivery, v verdict) (claim.Death, error) {
	if v.buried != nil {
		return *v.buried, nil
	}
	grave := claim.Death{Token: tokenOf(d), Event: d.name(), Message: d.message(), Verdict: w.verdictOf(d, v.dead)}
	err := w.insist(ctx, func() (err error) {
		if c := d.claim.Load(); c != nil {
			var own claim.Death
			own, err = c.Bury(ctx, grave.Verdict)
			grave.Verdict, grave.Letter, grave.Ended = own.Verdict, own.Letter, own.Ended
			return err
		}
		grave, err = w.claims.Bury(ctx, grave)
		return err
	})
	return grave, err
}

func (w *Worker) verdictOf(d *delivery, e *deadError) []byte {
	now := time.Now().UTC()
	v := death{failure: failureOf(d, e), At: now, Worker: w.settings.Version}
	if c := d.claim.Load(); c != nil {
		v.Attempts, v.First, v.Last = c.Tried.Attempts, c.Tried.First.UTC(), c.Tried.Last.UTC()
		// A refusal is a call, too, though it was never to be tried again.
		if e.status != 0 && e.reason != deadletter.ReasonExhausted && v.Attempts < w.settings.Retry.Attempts {
			v.Attempts++
			v.Last = now
			if v.First.IsZero() {
				v.First = now
			}
		}
		v.Attempts += c.Tried.CutOff
	}
	data, err := encode(v)
	if err != nil { // the vendor's words are not UTF-8: do without them
		v.failure = failure{Reason: e.reason, Status: e.status}
		data, _ = encode(v)
	}
	return data
}

func (w *Worker) putLetter(ctx context.Context, d *delivery, v *death) (id uint64, err error) {
	identity := d.identity
	if identity == "" {
		identity = d.origin.Identity
	}
	letter := &deadletter.Letter{
		Subject: d.msg.Subject, Header: d.msg.Header, Data: d.msg.Data,
		Reason: v.Reason, Token: tokenOf(d), Code: v.Code, Type: v.Type, TraceID: v.TraceID, Detail: v.Detail,
		Status: v.Status, Attempts: v.Attempts, FirstAttempt: v.First, LastAttempt: v.Last, Worker: v.Worker,
		Stream: d.meta.Stream, Sequence: d.meta.Sequence.Stream, Time: d.meta.Timestamp,
		Replays: d.origin.Replays, Event: d.origin.Event, EventID: d.name(), Identity: identity, MsgID: d.msgID(),
	}
	stream := w.streams.name(events.DeadLetterPrefix + d.msg.Subject) // made again under the same name
	err = w.insistOnStream(ctx, events.DeadLetterPrefix+d.msg.Subject, func(ctx context.Context) (err error) {
		id, err = deadletter.Put(ctx, w.js, stream, letter, w.nats.MaxPayload())
		return err
	})
	return id, err
}

// sayFailed publishes link.failed and gives its sequence in its stream.
func (w *Worker) sayFailed(ctx context.Context, d *delivery, v *death, letter string) (uint64, error) {
	ack, err := w.fit(ctx, d, events.SubjectLinkFailed, func(o own) (*nats.Msg, error) {
		return events.EncodeLinkFailed(w.settings.Source, events.LinkFailedID(d.name()), v.At, &events.LinkFailed{
			Kind: kindOf(d.msg.Subject), CheckoutToken: tokenOf(d), Reason: string(v.Reason), Code: v.Code, Detail: v.Detail,
			TraceID: v.TraceID, InvoiceID: o.invoiceID, Metadata: o.metadata, RequestID: o.requestID, CausationID: o.causationID,
			DeadLetter: letter, FailedAt: v.At,
		})
	})
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func tokenOf(d *delivery) string {
	if d.event != nil {
		return d.event.Token()
	}
	if d.bad != nil {
		return d.bad.Token
	}
	return ""
}

func kindOf(subject string) events.Kind {
	if subject == events.SubjectSessionRequested {
		return events.KindCheckoutSession
	}
	return events.KindPaymentLink
}
