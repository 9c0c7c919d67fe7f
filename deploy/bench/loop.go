package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// remember is how long a token is remembered.
const remember = time.Hour

// loop is what one writes in an afternoon: as many goroutines as there may be calls at once, each of which takes the next
// event and does one thing after the other.
func loop(ctx context.Context, p *place) error {
	js, err := jetstream.New(p.nats)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, streamBilling, consumerName)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(4 * p.concurrency))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, messages.Stop)
	group, ctx := errgroup.WithContext(ctx)
	for range p.concurrency {
		group.Go(func() error {
			for {
				msg, err := messages.Next()
				if err != nil {
					return errors.Join(ctx.Err(), err)
				}
				if err := p.handle(ctx, js, msg); err != nil && ctx.Err() == nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return p.nats.FlushTimeout(time.Second)
}

func (p *place) handle(ctx context.Context, js jetstream.JetStream, msg jetstream.Msg) error {
	header := msg.Headers()
	fresh, err := p.redis.SetNX(ctx, p.prefix+":"+header.Get("ce-subject"), "1", remember).Result()
	if err != nil {
		return err
	}
	if !fresh {
		return msg.Ack()
	}
	token, data, err := p.vendor.makeLink(ctx, msg.Data(), header.Get("ce-source")+"#"+header.Get("ce-id"))
	if err != nil {
		return err
	}
	result := &nats.Msg{Subject: "link.created", Header: nats.Header{}, Data: data}
	for name, value := range headers(token) {
		result.Header[name] = []string{value}
	}
	if _, err := js.PublishMsg(ctx, result); err != nil {
		return err
	}
	return msg.Ack()
}
