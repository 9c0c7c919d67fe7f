package claim_test

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/embedded"
)

// benchRedis is the redis-server of the PATH, or else one in this process, whose work and allocations count then, too.
func benchRedis(b *testing.B) *redis.Client {
	b.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		server, err := embedded.StartRedis(embedded.RedisOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = server.Close() })
		return benchClient(b, server.URL())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", b.TempDir())
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	return benchClient(b, "redis://127.0.0.1:"+strconv.Itoa(port))
}

func benchClient(b *testing.B, url string) *redis.Client {
	b.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		b.Fatal(err)
	}
	rdb := redis.NewClient(options)
	b.Cleanup(func() { _ = rdb.Close() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err = rdb.Ping(b.Context()).Err(); err == nil {
			return rdb
		}
		if time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
}

// BenchmarkClaim is what an invoice costs in Redis: one after the other, and 64 at once; and what a duplicate costs.
func BenchmarkClaim(b *testing.B) {
	answer := []byte(`{"url":"https://checkout.example.com/` + strings.Repeat("x", 300) + `"}`)
	var n atomic.Int64
	fresh := func() claim.Request {
		i := strconv.FormatInt(n.Add(1), 10)
		return claim.Request{
			Token: "token-" + i, Event: "BILLING." + i + ".1764000000000.0", Message: "BILLING." + i, Calling: true, New: true,
			Terms: []byte(`{"currency":"CLP","items":"` + strings.Repeat("x", 300) + `"}`),
		}
	}
	work := func(b *testing.B, s *claim.Store, r claim.Request) {
		found, err := s.Take(b.Context(), r)
		if err == nil {
			err = found.Claim.Record(b.Context(), answer, time.Time{})
		}
		if err == nil {
			err = found.Claim.Publish(b.Context())
		}
		if err != nil {
			b.Error(err)
		}
	}
	store := claim.New(benchRedis(b), "bench", time.Hour, 15*time.Second)
	b.Run("invoice", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			work(b, store, fresh())
		}
	})
	b.Run("invoice-64", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(64)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				work(b, store, fresh())
			}
		})
	})
	b.Run("duplicate", func(b *testing.B) {
		request := fresh()
		work(b, store, request)
		request.Event, request.Message = "BILLING.1000000000.1764000000000.0", "BILLING.1000000000"
		b.ReportAllocs()
		for b.Loop() {
			if found, err := store.Take(b.Context(), request); err != nil || found.Outcome != claim.OutcomePublished {
				b.Fatal(found, err)
			}
		}
	})
}
