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
func (e *Env) StopNATS(t testing.TB) { t.Helper(); stop(t, "NATS", e.nats) }

// StartNATS starts the stopped NATS server again, with its streams, and returns
// when clients can connect.
func (e *Env) StartNATS(t testing.TB) { t.Helper(); start(t, "NATS", e.nats) }

// StopRedis stops the Redis server and returns when it has ended.
func (e *Env) StopRedis(t testing.TB) { t.Helper(); stop(t, "Redis", e.redis) }

// StartRedis starts the stopped Redis server again, with its data, and returns
// when clients can connect.
func (e *Env) StartRedis(t testing.TB) { t.Helper(); start(t, "Redis", e.redis) }

// DeleteStreams makes NATS forget all streams.
func (e *Env) DeleteStreams(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := deleteStreams(ctx, e.NATSURL); err != nil {
		t.Fatalf("delete the streams: %v", err)
	}
}

// FlushRedis makes Redis forget everything.
func (e *Env) FlushRedis(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := flush(ctx, e.RedisURL); err != nil {
		t.Fatalf("flush Redis: %v", err)
	}
}

func stop(t testing.TB, name string, s server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Fatalf("stop %s: %v", name, err)
	}
}

func start(t testing.TB, name string, s server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Start(ctx); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
}
