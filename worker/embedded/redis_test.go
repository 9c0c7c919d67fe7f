package embedded_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/embedded"
)

func startRedis(t *testing.T) (*embedded.Redis, *redis.Client) {
	t.Helper()
	server, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	opts, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, client
}

func TestRedisTimesToLiveRun(t *testing.T) {
	_, client := startRedis(t)
	ctx := t.Context()
	const life = 300 * time.Millisecond
	begun := time.Now()
	for key, life := range map[string]time.Duration{"short": life, "long": time.Hour} {
		if err := client.Set(ctx, key, "x", life).Err(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the key perishes", func() bool { return client.Exists(ctx, "short").Val() == 0 })
	if lived := time.Since(begun); lived < life-50*time.Millisecond {
		t.Errorf("perished after %s", lived)
	}
	if left := client.PTTL(ctx, "long").Val(); left > time.Hour-life/2 || left < 59*time.Minute {
		t.Errorf("the long one has %s left", left)
	}
}

// TestRedisRunsClaimScripts holds the server to what the claim's scripts need.
func TestRedisRunsClaimScripts(t *testing.T) {
	_, client := startRedis(t)
	ctx := t.Context()
	script := redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'state', 'claimed', 'until', string.format('%.0f', now + tonumber(ARGV[1])))
redis.call('HINCRBY', KEYS[1], 'n', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
local f = redis.call('HMGET', KEYS[1], 'state', 'until', 'none')
return {f[1], f[2], f[3] or 'absent', string.format('%.0f', now)}`)
	answer, err := script.Run(ctx, client, []string{"test:{token}:record"}, 60000).StringSlice()
	if err != nil {
		t.Fatal(err)
	}
	now, err := strconv.ParseInt(answer[3], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Since(time.UnixMilli(now)).Abs(); off > 5*time.Second {
		t.Errorf("TIME is off by %s", off)
	}
	if until := strconv.FormatInt(now+60000, 10); answer[0] != "claimed" || answer[1] != until || answer[2] != "absent" {
		t.Errorf("answer %q", answer)
	}
	if left := client.PTTL(ctx, "test:{token}:record").Val(); left <= 0 || left > time.Minute {
		t.Errorf("time to live %s", left)
	}
	if err := client.EvalSha(ctx, "0000000000000000000000000000000000000000", nil).Err(); !redis.HasErrorPrefix(err, "NOSCRIPT") {
		t.Errorf("an unknown script: %v", err)
	}
}

func TestRedisKeepsDataAndAddressThroughARestart(t *testing.T) {
	server, client := startRedis(t)
	ctx := t.Context()
	if err := client.HSet(ctx, "kept", "field", "value").Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Set(ctx, "short", "x", 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	url := server.URL()
	server.Stop()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Fatal("a stopped server answers")
	}
	<-time.After(30 * time.Millisecond) // the life of a key that no running clock takes away
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if server.URL() != url {
		t.Fatalf("the address became %s, was %s", server.URL(), url)
	}
	if got, err := client.HGet(ctx, "kept", "field").Result(); err != nil || got != "value" {
		t.Errorf("%q, %v", got, err)
	}
	if err := client.Get(ctx, "short").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("a key that outlived its time while the server was away: %v", err)
	}
	if err := client.Set(ctx, "new", "x", 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "times to live run after a restart", func() bool { return client.Exists(ctx, "new").Val() == 0 })

	server.Flush()
	if n := client.DBSize(ctx).Val(); n != 0 {
		t.Errorf("%d keys after a flush", n)
	}
}

func TestRedisClosedStaysClosed(t *testing.T) {
	server, _ := startRedis(t)
	server.Stop()
	server.Stop()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(); err == nil {
		t.Error("a closed server started again")
	}
}

func BenchmarkRedisTick(b *testing.B) {
	server, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	opts, err := redis.ParseURL(server.URL())
	if err != nil {
		b.Fatal(err)
	}
	client := redis.NewClient(opts)
	defer client.Close()
	for i := range 100_000 {
		if err := client.Set(b.Context(), fmt.Sprint(i), "x", time.Hour).Err(); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := client.Get(b.Context(), "1").Err(); err != nil {
			b.Fatal(err)
		}
	}
}
