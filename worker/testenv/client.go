package testenv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
)

func dialNATS(url string) (*nats.Conn, error) {
	return nats.Connect(url, nats.Name("testenv"), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
}

func dialRedis(url string) (*redis.Client, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	opts.Protocol = 2 // as the program speaks it
	return redis.NewClient(opts), nil
}

// withJetStream calls use on a connection of its own.
func withJetStream(url string, use func(jetstream.JetStream) error) error {
	conn, err := dialNATS(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	return use(js)
}

// withRedis calls use with a client of its own.
func withRedis(url string, use func(*redis.Client) error) error {
	client, err := dialRedis(url)
	if err != nil {
		return err
	}
	return errors.Join(use(client), client.Close())
}

// deleteStreams deletes all streams, and with them all consumers, key-value
// buckets and object stores.
func deleteStreams(ctx context.Context, url string) error {
	return withJetStream(url, func(js jetstream.JetStream) error {
		names := js.StreamNames(ctx)
		var all []string
		for name := range names.Name() {
			all = append(all, name)
		}
		if err := names.Err(); err != nil {
			return err
		}
		for _, name := range all {
			if err := deleteStream(ctx, js, name); err != nil {
				return fmt.Errorf("stream %s: %w", name, err)
			}
		}
		return nil
	})
}

// deleteStream deletes a stream for good. A server that is still removing the
// files of an earlier stream of that name, as on a busy machine, leaves those of
// this one where they are, and says that it is deleted: the next one of the name
// has its messages. See the rename in fileStore.Delete of nats-server 2.15.
func deleteStream(ctx context.Context, js jetstream.JetStream, name string) error {
	return await(ctx, func() error {
		if err := js.DeleteStream(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
		next, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{"testenv.deleted"}})
		if err != nil {
			return err
		}
		if n := next.CachedInfo().State.LastSeq; n > 0 {
			return fmt.Errorf("it is back with %d messages", n)
		}
		return js.DeleteStream(ctx, name)
	})
}

func flush(ctx context.Context, url string) error {
	return withRedis(url, func(client *redis.Client) error { return client.FlushAll(ctx).Err() })
}

// askNATS is nil when JetStream answers.
func askNATS(ctx context.Context, url string) error {
	return withJetStream(url, func(js jetstream.JetStream) error {
		_, err := js.AccountInfo(ctx)
		return err
	})
}

// askRedis is nil when the server answers and has loaded its data.
func askRedis(ctx context.Context, url string) error {
	return withRedis(url, func(client *redis.Client) error { return client.Ping(ctx).Err() })
}

// await calls try until it succeeds.
func await(ctx context.Context, try func() error) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w, last: %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}
