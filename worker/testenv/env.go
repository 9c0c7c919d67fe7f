package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
)

// The kinds of servers.
const (
	Embedded   = "embedded"
	Containers = "containers"
)

// patience bounds each wait for a server.
const patience = 30 * time.Second

// Env is what one test runs on.
type Env struct {
	// Backend is the kind of servers: [Embedded] or [Containers].
	Backend string
	// NATSURL and RedisURL are where the servers listen, also after a restart.
	NATSURL, RedisURL string
	// Prefix is for Redis keys: no other test has the same.
	Prefix string

	nats, redis server
}

// server is a server that can be stopped and started again at its address,
// with its data. Both are safe to repeat.
type server interface {
	URL() string
	Stop(context.Context) error
	Start(context.Context) error
}

func newEnv(backend string, nats, redis server) *Env {
	return &Env{
		Backend: backend, NATSURL: nats.URL(), RedisURL: redis.URL(),
		Prefix: "test-" + rand.Text(), nats: nats, redis: redis,
	}
}

// NATS returns a connection, closed at the end of the test, that reconnects for
// ever and soon.
func (e *Env) NATS(t testing.TB) *nats.Conn {
	t.Helper()
	conn, err := dialNATS(e.NATSURL)
	if err != nil {
		t.Fatalf("connect to NATS: %v", err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// JetStream returns JetStream on a connection of its own; see [Env.NATS].
func (e *Env) JetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(e.NATS(t))
	if err != nil {
		t.Fatalf("JetStream: %v", err)
	}
	return js
}

// Redis returns a client that is closed at the end of the test.
func (e *Env) Redis(t testing.TB) redis.UniversalClient {
	t.Helper()
	client, err := dialRedis(e.RedisURL)
	if err != nil {
		t.Fatalf("connect to Redis: %v", err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			t.Errorf("close the Redis client: %v", err)
		}
	})
	return client
}

// StopNATS stops the NATS server and returns when it has ended.
func (e *Env) StopNATS(t testing.TB) { t.Helper(); within(t, "stop NATS", e.nats.Stop) }

// StartNATS starts the stopped NATS server again, with its streams, and returns
// when clients can connect.
func (e *Env) StartNATS(t testing.TB) { t.Helper(); within(t, "start NATS", e.nats.Start) }

// StopRedis stops the Redis server and returns when it has ended.
func (e *Env) StopRedis(t testing.TB) { t.Helper(); within(t, "stop Redis", e.redis.Stop) }

// StartRedis starts the stopped Redis server again, with its data, and returns
// when clients can connect.
func (e *Env) StartRedis(t testing.TB) { t.Helper(); within(t, "start Redis", e.redis.Start) }

// DeleteStreams makes NATS forget all streams.
func (e *Env) DeleteStreams(t testing.TB) {
	t.Helper()
	within(t, "delete the streams", func(ctx context.Context) error { return deleteStreams(ctx, e.NATSURL) })
}

// FlushRedis makes Redis forget everything.
func (e *Env) FlushRedis(t testing.TB) {
	t.Helper()
	within(t, "flush Redis", func(ctx context.Context) error { return flush(ctx, e.RedisURL) })
}

// within does what must be done soon.
func within(t testing.TB, what string, do func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := do(ctx); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
