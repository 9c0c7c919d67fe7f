package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/linkworker/linkworker/conomy/http1"
	"github.com/linkworker/linkworker/events"
)

// Roofline is the I/O of a worker's way with nothing around it: batched pulls, SET NX pipelined over what has come, a POST
// of the event as it is, link.created of a worker's size published without waiting, and the event acknowledged when its
// stream has acknowledged that. It reads no event, checks no answer and knows no failure: what it does cannot be done with
// less. Nobody should run it on events that count.
type Roofline struct {
	NATS        *nats.Conn
	Redis       redis.UniversalClient
	Prefix      string // of keys in Redis
	BaseURL     string // of the vendor
	Concurrency int    // calls at once
}

const (
	// claimBatch is how many events are claimed in one round trip at the most.
	claimBatch = 64
	// claimers is how many such round trips overlap.
	claimers = 2
	// claimTTL is how long a token is remembered.
	claimTTL = time.Hour
)

// pending is an event whose link.created is on its way.
type pending struct {
	event  jetstream.Msg
	future jetstream.PubAckFuture
}

// Run works until ctx ends or something fails.
func (r *Roofline) Run(ctx context.Context) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	js, err := jetstream.New(r.NATS)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, events.StreamBilling, events.ConsumerInvoices)
	if err != nil {
		return err
	}
	incoming, err := consumer.Messages(jetstream.PullMaxMessages(8 * r.Concurrency))
	if err != nil {
		return err
	}
	arrived := make(chan jetstream.Msg, 8*r.Concurrency)
	claimed := make(chan jetstream.Msg, r.Concurrency)
	published := make(chan pending, 4096)
	group, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, incoming.Stop)
	group.Go(func() error { return receive(ctx, incoming, arrived) })
	for range claimers {
		group.Go(func() error { return r.claim(ctx, arrived, claimed) })
	}
	for range r.Concurrency {
		group.Go(func() error { return r.call(ctx, client, js, claimed, published) })
	}
	group.Go(func() error { return settle(ctx, published) })
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return r.NATS.FlushTimeout(time.Second)
}

func receive(ctx context.Context, incoming jetstream.MessagesContext, arrived chan<- jetstream.Msg) error {
	for {
		msg, err := incoming.Next()
		if err != nil {
			return errors.Join(ctx.Err(), err)
		}
		select {
		case arrived <- msg:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// claim takes what has come, and hands on what was not seen before.
func (r *Roofline) claim(ctx context.Context, arrived <-chan jetstream.Msg, claimed chan<- jetstream.Msg) error {
	batch := make([]jetstream.Msg, 0, claimBatch)
	answers := make([]*redis.BoolCmd, 0, claimBatch)
	for {
		var err error
		if batch, err = take(ctx, arrived, batch[:0]); err != nil {
			return err
		}
		answers = answers[:0]
		pipe := r.Redis.Pipeline()
		for _, msg := range batch {
			answers = append(answers, pipe.SetNX(ctx, r.Prefix+":"+tokenOf(msg), "1", claimTTL))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		for i, msg := range batch {
			if !answers[i].Val() {
				if err := msg.Ack(); err != nil {
					return err
				}
				continue
			}
			select {
			case claimed <- msg:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// take waits for one event and takes with it those that are there already.
func take(ctx context.Context, arrived <-chan jetstream.Msg, batch []jetstream.Msg) ([]jetstream.Msg, error) {
	select {
	case msg := <-arrived:
		batch = append(batch, msg)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for len(batch) < claimBatch {
		select {
		case msg := <-arrived:
			batch = append(batch, msg)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

func tokenOf(msg jetstream.Msg) string { return msg.Headers()["ce-subject"][0] }

// client is of the worker's kind.
func (r *Roofline) client() (*http1.Transport, error) {
	base, err := url.Parse(r.BaseURL)
	if err != nil {
		return nil, err
	}
	return http1.New(base, http1.Options{MaxIdle: r.Concurrency})
}

// call makes one call after another.
func (r *Roofline) call(ctx context.Context, client http.RoundTripper, js jetstream.JetStream, claimed <-chan jetstream.Msg, published chan<- pending) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case msg := <-claimed:
			if err := r.post(ctx, client, msg.Data()); err != nil {
				return errors.Join(ctx.Err(), err)
			}
			future, err := js.PublishMsgAsync(linkCreated(tokenOf(msg)))
			if err != nil {
				return errors.Join(ctx.Err(), err)
			}
			select {
			case published <- pending{msg, future}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func (r *Roofline) post(ctx context.Context, client http.RoundTripper, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.BaseURL+"/payment-links", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = http.Header{
		"X-Api-Key": {"bench"}, "Conomyhq-Api-Version": {"24-04-2025"}, "Authorization": {"Bearer bench"},
		"User-Agent": {"linkworker-bench"}, "Accept": {"application/json"}, "Content-Type": {"application/json"},
	}
	resp, err := client.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("the vendor answers %s", resp.Status)
	}
	return nil
}

// linkCreated is of the size and with the headers of a worker's link.created.
func linkCreated(token string) *nats.Msg {
	id, now := "link.created:"+token, time.Now().UTC().Format(time.RFC3339Nano)
	return &nats.Msg{
		Subject: events.SubjectLinkCreated,
		Header: nats.Header{
			"ce-specversion": {"1.0"}, "ce-id": {id}, "ce-source": {"linkworker"}, "ce-type": {events.SubjectLinkCreated},
			"ce-subject": {token}, "ce-time": {now}, "ce-datacontenttype": {"application/json"},
			"Content-Type": {"application/json"}, nats.MsgIdHdr: {id},
		},
		Data: []byte(`{"kind":"payment_link","checkoutToken":"` + token + `","url":"https://checkout.conomyhq.com/` + token +
			`","linkId":"link-` + token + `","status":"ACTIVE","expiresAt":"` + now + `","amount":"49990","currency":"CLP",` +
			`"customer":{"firstName":"Jane","lastName":"Roe","email":"jane.0000000@example.com"},"invoiceId":"F-0000000",` +
			`"metadata":{"shop":7},"createdAt":"` + now + `","causationId":"` + source + "#" + token + `.0"}`),
	}
}

// settle acknowledges each event when its link.created is in its stream.
func settle(ctx context.Context, published <-chan pending) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case p := <-published:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case err := <-p.future.Err():
				return err
			case <-p.future.Ok():
			}
			if err := p.event.Ack(); err != nil {
				return err
			}
		}
	}
}
