package topology

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// makeMissing makes streams, or where they are all there, consumers. What someone
// else makes at the same time is no error: the next look sees it.
func (s *scene) makeMissing(ctx context.Context, js jetstream.JetStream, settings Settings, made map[string]bool) error {
	a := asker{js: js}
	complete := true
	for _, r := range roles {
		subjects := s.lacking(r)
		if len(subjects) == 0 {
			continue
		}
		complete = false
		if err := a.makeStream(ctx, r.stream(subjects, settings), made); err != nil {
			return err
		}
	}
	if !complete {
		return nil
	}
	for _, r := range readers {
		if s.consumers[r.subject] != nil {
			continue
		}
		stream := s.streams[s.carrier[r.subject]].Config
		if err := a.makeConsumer(ctx, stream.Name, r.consumer(stream, settings), made); err != nil {
			return err
		}
	}
	return nil
}

func (a asker) makeStream(ctx context.Context, config jetstream.StreamConfig, made map[string]bool) error {
	return a.make(ctx, KindStream+" "+config.Name, "STREAM.CREATE."+config.Name, made, func(ctx context.Context) error {
		_, err := a.js.CreateStream(ctx, config)
		return err
	})
}

func (a asker) makeConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig, made map[string]bool) error {
	right := "CONSUMER.CREATE." + stream + "." + config.Durable
	return a.make(ctx, KindConsumer+" "+config.Durable, right, made, func(ctx context.Context) error {
		_, err := a.js.CreateConsumer(ctx, stream, config)
		return err
	})
}

func (a asker) make(ctx context.Context, what, right string, made map[string]bool, create func(context.Context) error) error {
	err := a.ask(ctx, right, create)
	switch {
	case err == nil:
		made[what] = true
	case !taken(err):
		return a.unmade(what, right, err)
	}
	return nil
}
