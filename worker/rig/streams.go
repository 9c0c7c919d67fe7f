package rig

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/topology"
)

// streams are those that are written to.
var streams = []string{events.StreamBilling, events.StreamLinks, events.StreamDeadLetters}

// ErrInUse is that servers of the user hold messages: what is worked on is emptied.
var ErrInUse = errors.New("the NATS server is in use")

// Prepare makes the streams and consumers that are missing, and refuses streams that hold anything.
func (s *Servers) Prepare(ctx context.Context, settings topology.Settings) (err error) {
	js, err := jetstream.New(s.NATS)
	if err != nil {
		return err
	}
	found, err := topology.Inspect(ctx, js, settings)
	if err != nil {
		return err
	}
	for _, object := range found.Objects {
		if object.Kind != topology.KindStream || !object.Exists {
			continue
		}
		stream, err := js.Stream(ctx, object.Name)
		if err != nil {
			return err
		}
		if n := stream.CachedInfo().State.Msgs; n > 0 {
			return fmt.Errorf("%w: stream %s holds %d messages; take servers that nobody uses", ErrInUse, object.Name, n)
		}
		if !slices.Contains(streams, object.Name) {
			return fmt.Errorf("%w: stream %s carries the worker's subjects; take servers that nobody uses", ErrInUse, object.Name)
		}
	}
	if found, err = topology.Ensure(ctx, js, settings); err != nil {
		return err
	}
	s.made = slices.DeleteFunc(found.Objects, func(o topology.Object) bool { return !o.Made })
	return nil
}

// Made reports whether [Servers.Prepare] has made a stream.
func (s *Servers) Made(stream string) bool {
	return slices.ContainsFunc(s.made, func(o topology.Object) bool { return o.Kind == topology.KindStream && o.Name == stream })
}

// Leave removes what [Servers.Prepare] has made, and empties the rest.
func (s *Servers) Leave(ctx context.Context) error {
	js, err := jetstream.New(s.NATS)
	if err != nil {
		return err
	}
	for _, object := range s.made {
		switch {
		case object.Kind == topology.KindStream:
			err = js.DeleteStream(ctx, object.Name)
		case !s.Made(events.StreamBilling):
			err = js.DeleteConsumer(ctx, events.StreamBilling, object.Name)
		}
		if err != nil {
			return fmt.Errorf("removing %v: %w", object, err)
		}
	}
	return s.Empty(ctx)
}

// Empty takes out of the streams what was put there since [Servers.Prepare]: they held nothing before.
func (s *Servers) Empty(ctx context.Context) error {
	js, err := jetstream.New(s.NATS)
	if err != nil {
		return err
	}
	for _, name := range streams {
		stream, err := js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := stream.Purge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Forget takes the keys of a prefix out of a Redis of the user.
func (s *Servers) Forget(ctx context.Context, prefix string) error {
	if s.Own() {
		return nil
	}
	if cluster, ok := s.Redis.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, r *redis.Client) error { return unlink(ctx, r, prefix) })
	}
	return unlink(ctx, s.Redis, prefix)
}

func unlink(ctx context.Context, r redis.Cmdable, prefix string) error {
	for keys := r.Scan(ctx, 0, prefix+":*", 1000).Iterator(); ; {
		if !keys.Next(ctx) {
			return keys.Err()
		}
		if err := r.Unlink(ctx, keys.Val()).Err(); err != nil {
			return err
		}
	}
}
