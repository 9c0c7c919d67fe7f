package testenv_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/testenv"
)

// eventually waits until done says so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func makeStream(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	cfg := jetstream.StreamConfig{Name: "TEST", Subjects: []string{"test.>"}}
	if _, err := js.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

// TestEachBeginsEmpty leaves a stream and a key behind, twice.
func TestEachBeginsEmpty(t *testing.T) {
	prefixes := map[string]bool{}
	for range 2 {
		testenv.Each(t, func(t *testing.T, env *testenv.Env) {
			if prefixes[env.Prefix] || env.Prefix == "" {
				t.Errorf("prefix %q again", env.Prefix)
			}
			prefixes[env.Prefix] = true
			js, client := env.JetStream(t), env.Redis(t)
			info, err := js.AccountInfo(t.Context())
			if err != nil || info.Streams != 0 {
				t.Fatalf("account %+v, %v", info, err)
			}
			if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 {
				t.Fatalf("%d keys, %v", n, err)
			}
			makeStream(t, js)
			if err := client.Set(t.Context(), env.Prefix, "x", 0).Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestEachBeginsRunning leaves both servers stopped, twice.
func TestEachBeginsRunning(t *testing.T) {
	for range 2 {
		testenv.Each(t, func(t *testing.T, env *testenv.Env) {
			if err := env.Redis(t).Ping(t.Context()).Err(); err != nil {
				t.Error(err)
			}
			if _, err := env.JetStream(t).AccountInfo(t.Context()); err != nil {
				t.Error(err)
			}
			env.StopNATS(t)
			env.StopRedis(t)
		})
	}
}

func TestOutages(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		conn, client := env.NATS(t), env.Redis(t)
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		makeStream(t, js)
		if _, err := js.Publish(t.Context(), "test.x", []byte("kept"), jetstream.WithMsgID("1")); err != nil {
			t.Fatal(err)
		}
		if err := client.HSet(t.Context(), "key", "field", "kept").Err(); err != nil {
			t.Fatal(err)
		}

		env.StopNATS(t)
		env.StopRedis(t)
		env.StopRedis(t)
		eventually(t, "the connection is lost", func() bool { return !conn.IsConnected() })
		if other, err := nats.Connect(env.NATSURL); err == nil {
			other.Close()
			t.Error("a stopped NATS server takes connections")
		}
		if err := client.Ping(t.Context()).Err(); err == nil {
			t.Error("a stopped Redis server answers")
		}

		env.StartNATS(t)
		env.StartNATS(t)
		env.StartRedis(t)
		eventually(t, "the connection is back", conn.IsConnected)
		ack, err := js.Publish(t.Context(), "test.x", []byte("again"), jetstream.WithMsgID("1"))
		if err != nil || !ack.Duplicate {
			t.Errorf("the stream was not kept: %+v, %v", ack, err)
		}
		if got, err := client.HGet(t.Context(), "key", "field").Result(); err != nil || got != "kept" {
			t.Errorf("the key was not kept: %q, %v", got, err)
		}

		env.FlushRedis(t)
		if err := client.Get(t.Context(), "key").Err(); !errors.Is(err, redis.Nil) {
			t.Errorf("after a flush: %v", err)
		}
	})
}

// TestContainersAreReal tells the two kinds of servers apart by what only one of
// them has.
func TestContainersAreReal(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		policy, err := env.Redis(t).ConfigGet(t.Context(), "maxmemory-policy").Result()
		name := env.NATS(t).ConnectedServerName()
		if !strings.HasSuffix(t.Name(), "/"+env.Backend) {
			t.Errorf("backend %s in %s", env.Backend, t.Name())
		}
		switch env.Backend {
		case testenv.Embedded:
			if err == nil || name != "linkworker-embedded" {
				t.Errorf("server %s, configuration %v, %v", name, policy, err)
			}
		case testenv.Containers:
			if err != nil || policy["maxmemory-policy"] != "noeviction" || name == "linkworker-embedded" {
				t.Errorf("server %s, configuration %v, %v", name, policy, err)
			}
		}
	})
}
