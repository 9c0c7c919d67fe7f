package worker_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http/httptest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker"
	"github.com/linkworker/linkworker/worker/embedded"
	"github.com/linkworker/linkworker/worker/topology"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A worker with everything around it in one process: an invoice goes in, a link comes out.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	natsServer, err := embedded.StartNATS(embedded.NATSOptions{})
	check(err)
	defer natsServer.Close()
	redisServer, err := embedded.StartRedis(embedded.RedisOptions{})
	check(err)
	defer redisServer.Close()
	vendor := httptest.NewServer(conomytest.New(conomytest.Options{}))
	defer vendor.Close()

	nc, err := nats.Connect(natsServer.URL())
	check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	check(err)
	options, err := redis.ParseURL(redisServer.URL())
	check(err)
	rdb := redis.NewClient(options)
	defer rdb.Close()
	metrics := worker.NewMetrics(prometheus.NewRegistry())
	client, err := conomy.New(conomy.Config{
		BaseURL: vendor.URL + "/sandbox", UserAgent: "example/1", Observe: metrics.ObserveCall,
		Credentials: conomy.Credentials{APIKey: "key", ClientID: "id", ClientSecret: "secret"},
	})
	check(err)
	defer client.Close()

	settings := worker.Settings{
		Concurrency: 64, RedisPrefix: "example", Retry: worker.Retry{Initial: time.Second, Max: 32 * time.Second, Attempts: 5},
		SessionWait: 2 * time.Minute, DedupTTL: 720 * time.Hour, ClaimTTL: 15 * time.Second, ShutdownTimeout: 10 * time.Second,
		Merchant: worker.Merchant{OwnerIdentityID: "owner", AccountNumber: "0001", PaymentMethods: []string{"CARD"}, Duration: 86400},
		Source:   "example", Version: "1",
		Topology: topology.Settings{AckWait: 15 * time.Second, LinksDuplicateWindow: 24 * time.Hour, DedupTTL: 720 * time.Hour},
	}
	found, err := topology.Ensure(ctx, js, settings.Topology)
	check(err)
	w, err := worker.New(settings, worker.Parts{
		NATS: nc, Redis: rdb, Vendor: client, Metrics: metrics, Log: slog.New(slog.DiscardHandler),
	}, found)
	check(err)
	running, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- w.Run(running) }()

	_, err = events.NewProducer(js, "/billing").PublishInvoice(ctx, &events.Invoice{
		CheckoutToken: "invoice-1001", Currency: "CLP",
		Items: []events.Item{{PreTaxAmount: "49990", TotalAmount: "49990", Description: "Plan"}},
	})
	check(err)
	links, err := js.OrderedConsumer(ctx, events.StreamLinks, jetstream.OrderedConsumerConfig{})
	check(err)
	msg, err := links.Next(jetstream.FetchContext(ctx))
	check(err)
	notice, err := events.DecodeNotice(msg.Subject(), msg.Headers(), msg.Data())
	check(err)
	fmt.Println(notice.ID, notice.Created.URL)

	stop()
	check(<-ended)
	// Output:
	// link.created:invoice-1001 https://checkout.conomyhq.com/invoice-1001
}
