package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmjs "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/jetstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/nats-io/nats.go/jetstream"
)

// router is Watermill's router with its retry and its deduplication, on the subscriber and the publisher of watermill-nats
// for JetStream. That subscriber has one message at a time, so there are as many as there may be calls at once.
func router(ctx context.Context, p *place) error {
	log := watermill.NopLogger{}
	r, err := message.NewRouter(message.RouterConfig{CloseTimeout: 5 * time.Second}, log)
	if err != nil {
		return err
	}
	r.AddMiddleware(
		(&middleware.Deduplicator{
			KeyFactory: middleware.NewMessageHasherFromMetadataField("ce-subject"), Repository: &keys{p}, Timeout: 5 * time.Second,
		}).Middleware,
		middleware.Retry{MaxRetries: 5, InitialInterval: time.Second, MaxInterval: 32 * time.Second, Multiplier: 2}.Middleware,
	)
	publisher, err := wmjs.NewPublisher(wmjs.PublisherConfig{Conn: p.nats, Logger: log})
	if err != nil {
		return err
	}
	subscriber, err := wmjs.NewSubscriber(wmjs.SubscriberConfig{
		Conn: p.nats, Logger: log, AckAsync: true,
		ConsumeOptions: []jetstream.PullConsumeOpt{jetstream.PullMaxMessages(8)},
		ResourceInitializer: func(ctx context.Context, js jetstream.JetStream, _ string) (
			jetstream.Consumer, func(context.Context, watermill.LoggerAdapter), error,
		) {
			consumer, err := js.Consumer(ctx, streamBilling, consumerName)
			return consumer, nil, err
		},
	})
	if err != nil {
		return err
	}
	for i := range p.concurrency {
		r.AddHandler(fmt.Sprintf("links-%d", i), "invoice.issued", subscriber, "link.created", publisher, p.produce)
	}
	return r.Run(ctx)
}

func (p *place) produce(msg *message.Message) ([]*message.Message, error) {
	token, data, err := p.vendor.makeLink(msg.Context(), msg.Payload, msg.Metadata.Get("ce-source")+"#"+msg.Metadata.Get("ce-id"))
	if err != nil {
		return nil, err
	}
	result := message.NewMessage("link.created:"+token, data)
	result.Metadata = headers(token)
	return []*message.Message{result}, nil
}

// keys is the deduplication's memory in Redis.
type keys struct{ *place }

func (k *keys) IsDuplicate(ctx context.Context, key string) (bool, error) {
	fresh, err := k.redis.SetNX(ctx, k.prefix+":"+key, "1", remember).Result()
	return !fresh, err
}
