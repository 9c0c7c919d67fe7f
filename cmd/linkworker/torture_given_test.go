package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/embedded"
)

// usersServers are servers as a user would have them, with something of the user's own.
func usersServers(t *testing.T) (args []string, js jetstream.JetStream, rdb *redis.Client) {
	t.Helper()
	natsServer, err := embedded.StartNATS(embedded.NATSOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	redisServer, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = redisServer.Close()
		if err := natsServer.Close(); err != nil {
			t.Error(err)
		}
	})
	nc, err := nats.Connect(natsServer.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	options, err := redis.ParseURL(redisServer.URL())
	if err != nil {
		t.Fatal(err)
	}
	rdb = redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"order.placed"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "order.placed", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Set(t.Context(), "basket", "full", 0).Err(); err != nil {
		t.Fatal(err)
	}
	return []string{"--given", "--nats-url", natsServer.URL(), "--redis-url", redisServer.URL()}, js, rdb
}

func TestTortureOnGivenServers(t *testing.T) {
	args, js, rdb := usersServers(t)
	args = append(args, "--events", "50", "--workers", "2", "--seed", "5", "--every", "5")
	code, stdout, stderr := runTorture(t, append(args, "--faults", "flush,kill,redis,refuse,cut", "--restart-redis", "true")...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	for _, fault := range []string{"flush", "kill", "redis", "refuse", "cut"} {
		if !strings.Contains(stdout, " "+fault) {
			t.Errorf("fault %s was not done:\n%s", fault, stdout)
		}
	}
	if left := streamNames(t, js); len(left) != 1 || left[0] != "ORDERS" {
		t.Errorf("streams left: %v", left)
	}
	if keys := rdb.Keys(t.Context(), "*").Val(); len(keys) != 1 || keys[0] != "basket" {
		t.Errorf("keys left: %v", keys)
	}
}

func streamNames(t *testing.T, js jetstream.JetStream) (names []string) {
	t.Helper()
	lister := js.StreamNames(t.Context())
	for name := range lister.Name() {
		names = append(names, name)
	}
	if err := lister.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

func TestTortureRefusesServersInUse(t *testing.T) {
	args, js, _ := usersServers(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: events.StreamLinks, Subjects: []string{"link.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), events.SubjectLinkCreated, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runTorture(t, append(args, "--faults", "kill")...)
	if code != exitFailed || !strings.Contains(stderr, "in use: stream LINKS holds 1 messages") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	stream, err := js.Stream(t.Context(), events.StreamLinks)
	if err != nil || stream.CachedInfo().State.Msgs != 1 {
		t.Errorf("the stream was touched: %v", err)
	}
	if left := streamNames(t, js); len(left) != 2 {
		t.Errorf("streams: %v", left)
	}
}
