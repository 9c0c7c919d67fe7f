package events

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
)

// Producer publishes a billing system's events. It is safe for concurrent use.
type Producer struct {
	js     jetstream.JetStream
	source string
	now    func() time.Time
}

// NewProducer makes a producer whose events carry source as their CloudEvents
// source: a URI reference that names the billing system, like /billing/shop-7.
func NewProducer(js jetstream.JetStream, source string) *Producer {
	return &Producer{js: js, source: source, now: time.Now}
}

// PublishInvoice asks for the payment link of an invoice and waits until the
// stream has it. What the worker would refuse is not published: the error is then
// an [*InvalidError].
//
// The event's id is made of the token and the data. So the same invoice published
// again, as after a lost acknowledgement, is dropped by the stream, and
// PubAck.Duplicate says so; a corrected invoice with the same token is an event of
// its own, of which the worker decides.
func (p *Producer) PublishInvoice(ctx context.Context, inv *Invoice) (*jetstream.PubAck, error) {
	data, err := p.data(SubjectInvoiceIssued, inv)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	id := SubjectInvoiceIssued + ":" + SafeID(inv.CheckoutToken) + ":" + hex.EncodeToString(sum[:16])
	return p.publish(ctx, SubjectInvoiceIssued, id, inv.CheckoutToken, data)
}

// RequestSession asks for a checkout session and waits until the stream has the
// request. What the worker would refuse is not published: the error is then an
// [*InvalidError].
//
// With a RequestID the same request published again is dropped by the stream and,
// later, by the worker. Without one each call is a request of its own and brings
// its own session: set it wherever a call may be repeated.
func (p *Producer) RequestSession(ctx context.Context, req *SessionRequest) (*jetstream.PubAck, error) {
	data, err := p.data(SubjectSessionRequested, req)
	if err != nil {
		return nil, err
	}
	last := rand.Text()
	if req.RequestID != "" {
		last = "request." + SafeID(req.RequestID)
	}
	id := SubjectSessionRequested + ":" + SafeID(req.CheckoutToken) + ":" + last
	return p.publish(ctx, SubjectSessionRequested, id, req.CheckoutToken, data)
}

func (p *Producer) data(subject string, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		// The error itself may quote what it met.
		return nil, errors.New("publish " + subject + ": metadata is not a JSON value, or a text is not valid UTF-8")
	}
	if err := Validate(subject, data); err != nil {
		return nil, err
	}
	return data, nil
}

func (p *Producer) publish(ctx context.Context, subject, id, token string, data []byte) (*jetstream.PubAck, error) {
	msg, err := binaryMessage(subject, p.source, id, token, p.now(), data)
	if err != nil {
		return nil, err
	}
	ack, err := p.js.PublishMsg(ctx, msg)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", subject, err)
	}
	return ack, nil
}
