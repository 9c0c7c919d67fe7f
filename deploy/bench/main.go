// Peers are other ways to turn invoices into payment links, to measure the worker beside. Each takes invoice.issued from the
// worker's durable consumer, keeps duplicates off by a key in Redis, asks the vendor for the link, publishes link.created and
// acknowledges the event. None keeps the worker's promise: killed at the wrong moment, or with the vendor away for long
// enough, each loses events. They are here for their speed alone, at the best settings that we found.
//
//	peers loop         a hand-written loop: nats.go, go-redis, net/http
//	peers watermill    Watermill: router, retry, deduplication, watermill-nats
//	peers profile OUT PROFILE...
//	                   makes one profile of many, for the compiler; the script profile beside this file calls it
//
// They take their settings from the environment, as linkworker bench sets it for its --peer: NATS_URL, REDIS_URL,
// REDIS_PREFIX, CONOMY_BASE_URL, CONOMY_API_KEY and CONOMY_CONCURRENCY, and end on SIGTERM or with their standard input. The
// script run beside this file measures all of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
)

// Where the events are, see package events of the worker.
const (
	streamBilling = "BILLING"
	consumerName  = "linkworker-invoices"
)

// place is what a peer works with.
type place struct {
	nats        *nats.Conn
	redis       *redis.Client
	prefix      string // of keys in Redis
	vendor      *vendor
	concurrency int
}

var peers = map[string]func(context.Context, *place) error{"loop": loop, "watermill": router}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 2 && os.Args[1] == "profile" {
		return merge(os.Args[2], os.Args[3:])
	}
	if len(os.Args) != 2 || peers[os.Args[1]] == nil {
		return errors.New("usage: peers loop|watermill, or peers profile OUT PROFILE ..., for a profile of many")
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // as the worker
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() { // whoever started this holds its standard input
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	p, err := open()
	if err != nil {
		return err
	}
	defer p.close()
	err = profiled(func() error { return peers[os.Args[1]](ctx, p) })
	if ctx.Err() != nil {
		return nil // told to end, perhaps before all its handlers had begun: a small backlog is gone sooner
	}
	return err
}

func open() (*place, error) {
	concurrency, err := strconv.Atoi(os.Getenv("CONOMY_CONCURRENCY"))
	if err != nil || concurrency < 1 {
		return nil, errors.New("CONOMY_CONCURRENCY must be a number above zero")
	}
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	options.PoolSize = concurrency // a connection for each call at once: nobody waits for one
	nc, err := nats.Connect(os.Getenv("NATS_URL"))
	if err != nil {
		return nil, fmt.Errorf("NATS_URL: %w", err)
	}
	return &place{
		nats: nc, redis: redis.NewClient(options), prefix: os.Getenv("REDIS_PREFIX"), concurrency: concurrency,
		vendor: newVendor(os.Getenv("CONOMY_BASE_URL"), os.Getenv("CONOMY_API_KEY"), concurrency),
	}, nil
}

func (p *place) close() {
	p.nats.Close()
	_ = p.redis.Close() // the work is over
}
