package main

import (
	"os"
	"path/filepath"
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
	done := filepath.Join(t.TempDir(), "done")
	outage := func(name string) string { return "sleep 0.3; echo " + name + " $((OUTAGE_SECONDS > 0)) >>" + done }
	args = append(args, "--nats-replicas", "1", "--merchant-success-url", "https://shop.example/?a&b", "--events", "90", "--workers", "2", "--seed", "5", "--every", "5", "--faults", "flush,kill,leave,nats,redis,refuse,cut",
		"--nats-outage", outage("one"), "--nats-outage", outage("two"), "--redis-outage", outage("three"))
	code, stdout, stderr := runTorture(t, args...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	for _, fault := range []string{"flush", "kill", "leave", "nats", "redis", "refuse", "cut"} {
		if !strings.Contains(stdout, " "+fault) {
			t.Errorf("fault %s was not done:\n%s", fault, stdout)
		}
	}
	text, err := os.ReadFile(done)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two", "three"} {
		if !strings.Contains(string(text), name+" 1\n") {
			t.Errorf("outage %s was not done: %q", name, text)
		}
	}
	_, again, _ := strings.Cut(stdout, "The same again: ")
	for _, argument := range []string{
		" --given ", " --nats-outage '" + outage("one") + "' ", " --nats-replicas=1 ", " " + strings.Join(args[1:3], "="),
		" '--merchant-success-url=https://shop.example/?a&b'\n",
	} {
		if !strings.Contains(again, argument) {
			t.Errorf("the line that does the same again lacks %s:\n%s", argument, again)
		}
	}
	if left := streamNames(t, js); len(left) != 1 || left[0] != "ORDERS" {
		t.Errorf("streams left: %v", left)
	}
	if keys := rdb.Keys(t.Context(), "*").Val(); len(keys) != 1 || keys[0] != "basket" {
		t.Errorf("keys left: %v", keys)
	}
}

// What breaks something and cannot mend it ends the trial.
func TestTortureEndsWithAnOutageThatFails(t *testing.T) {
	args, js, _ := usersServers(t)
	args = append(args, "--events", "100000", "--workers", "1", "--seed", "5", "--faults", "nats", "--nats-outage", "echo no such server; false")
	code, stdout, stderr := runTorture(t, args...)
	if code != exitFailed || !strings.Contains(stderr, "exit status 1: no such server") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if left := streamNames(t, js); len(left) != 1 {
		t.Errorf("streams left: %v", left)
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
