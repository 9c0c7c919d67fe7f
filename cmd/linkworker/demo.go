package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/embedded"
)

const (
	// demoTimeout bounds how long the demo waits for outcomes, for each thousand events begun.
	demoTimeout = 60 * time.Second
	demoMost    = 100_000
)

func newDemoCommand(a *app) *cobra.Command {
	var count int
	var stay bool
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Show the whole way on this machine, with nothing to set up",
		Long: `Run everything inside this one process: a NATS server with JetStream, Redis, the
emulator of Conomy's sandbox, and the worker. Publish generated invoices and
session requests, print the hosted URL of each as it comes, and a summary. Exit
code 0 only if every event had its outcome.

It reads no configuration and leaves nothing behind.`,
		Example: `  linkworker demo
  linkworker demo --events 1000
  linkworker demo --stay`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count < 1 || count > demoMost {
				return usagef("--events must be from 1 to %d", demoMost)
			}
			return a.demo(cmd.Context(), count, stay)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVar(&count, "events", 20, "how many events to publish; every fourth asks for a session")
	cmd.Flags().BoolVar(&stay, "stay", false, "stay up afterwards, for other clients, until interrupted")
	return cmd
}

// stage is what the demo runs in this process.
type stage struct {
	nats    *embedded.NATS
	redis   *embedded.Redis
	sandbox *conomytest.Server
	http    *http.Server
	baseURL string
}

func (a *app) demo(ctx context.Context, count int, stay bool) (err error) {
	s, err := newStage()
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return err
	}
	cfg, err := s.config()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	svc, err := newService(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer svc.close()
	admin, err := listenAdmin("127.0.0.1:0")
	if err != nil {
		return err
	}
	a.sayf("NATS with JetStream, Redis, Conomy's sandbox and the worker run in this process.")

	work, stop := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- svc.serve(work, admin, func(string) {}) }()
	defer func() {
		stop()
		err = errors.Join(err, <-worked)
	}()
	err = a.show(ctx, s, svc, count)
	if stay && ctx.Err() == nil {
		a.sayAddresses(s, admin.Addr())
		<-ctx.Done()
	}
	return err
}

func newStage() (*stage, error) {
	s := &stage{sandbox: conomytest.New(conomytest.Options{KeepLinks: sandboxKeeps})}
	var err error
	if s.nats, err = embedded.StartNATS(embedded.NATSOptions{}); err != nil {
		return s, err
	}
	if s.redis, err = embedded.StartRedis(embedded.RedisOptions{}); err != nil {
		return s, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, err
	}
	s.baseURL = "http://" + listener.Addr().String() + sandboxPath
	s.http = &http.Server{Handler: s.sandbox, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with ErrServerClosed
	return s, nil
}

func (s *stage) close() error {
	s.sandbox.Close()
	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
	}
	if s.nats != nil {
		errs = append(errs, s.nats.Close())
	}
	return errors.Join(errs...)
}

// config is the configuration of a worker on the stage. It is made like any other, from an environment, so that the demo
// shows what the program does and not something beside it.
func (s *stage) config() (*config.Config, error) {
	environment := map[string]string{
		"NATS_URL": s.nats.URL(), "REDIS_URL": s.redis.URL(), "CONOMY_BASE_URL": s.baseURL,
		"CONOMY_API_KEY": "demo", "CONOMY_CLIENT_ID": "demo", "CONOMY_CLIENT_SECRET": "demo",
		"MERCHANT_OWNER_IDENTITY_ID": "identity-demo", "MERCHANT_ACCOUNT_NUMBER": "0001",
		"MERCHANT_ACCOUNT_IDENTITY_ID": "identity-demo", "MERCHANT_PAYMENT_METHODS": "CARD,PIX",
		"SHUTDOWN_TIMEOUT": "5s",
	}
	lookup := func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}
	return config.Load(nil, lookup, runGroups...)
}

// show publishes the events, prints what becomes of them, and counts.
func (a *app) show(ctx context.Context, s *stage, svc *service, count int) error {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout*time.Duration(1+count/1000))
	defer cancel()
	js, err := jetstream.New(svc.nats)
	if err != nil {
		return err
	}
	started := time.Now()
	published := make(chan error, 1)
	go func() { published <- publishDemo(ctx, js, count) }()
	tally, err := a.followDemo(ctx, js, count)
	if err := errors.Join(<-published, err); err != nil {
		return err
	}
	took := time.Since(started)
	links, sessions := len(s.sandbox.Links()), len(s.sandbox.Sessions())
	a.sayf("%d events in %v: %d payment links and %d checkout sessions made at the vendor, %d link.created, %d link.failed.",
		count, took.Round(time.Millisecond), links, sessions, tally.created, tally.failed)
	if tally.created != count || links+sessions != count {
		return fmt.Errorf("%d of %d events had no link", count-tally.created, count)
	}
	a.sayf("Every event had exactly one outcome.")
	return nil
}

func publishDemo(ctx context.Context, js jetstream.JetStream, count int) error {
	producer := events.NewProducer(js, "demo/billing")
	for i := range count {
		customer := &events.Customer{FirstName: "Jane", Email: fmt.Sprintf("jane.%d@example.com", i+1)}
		var err error
		if i%4 == 3 {
			_, err = producer.RequestSession(ctx, &events.SessionRequest{
				CheckoutToken: demoToken(i - 1), RequestID: fmt.Sprintf("request-%d", i+1), Customer: customer,
			})
		} else {
			amount := events.Amount(fmt.Sprintf("%d.90", 10+i))
			_, err = producer.PublishInvoice(ctx, &events.Invoice{
				CheckoutToken: demoToken(i), Currency: "USD", InvoiceID: fmt.Sprintf("INV-%d", i+1), Customer: customer,
				Items: []events.Item{{PreTaxAmount: amount, TotalAmount: amount, Description: "Monthly subscription"}},
			})
		}
		if err != nil {
			return fmt.Errorf("publishing event %d: %w", i+1, err)
		}
	}
	return nil
}

func demoToken(i int) string { return fmt.Sprintf("demo-%04d", i+1) }

// tally counts results.
type tally struct{ created, failed int }

// followDemo prints results until there is one for each event.
func (a *app) followDemo(ctx context.Context, js jetstream.JetStream, count int) (t tally, err error) {
	consumer, err := js.OrderedConsumer(ctx, events.StreamLinks, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return t, err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return t, err
	}
	defer messages.Stop()
	for t.created+t.failed < count {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return t, fmt.Errorf("%d of %d events have an outcome: %w", t.created+t.failed, count, err)
		}
		notice, err := events.DecodeNotice(msg.Subject(), msg.Headers(), msg.Data())
		switch {
		case err != nil:
			return t, err
		case notice.Created != nil:
			t.created++
			_, err = fmt.Fprintf(a.stdout, "%-16s  %-10s  %s\n", notice.Created.Kind, notice.Created.CheckoutToken, notice.Created.URL)
		default:
			t.failed++
			_, err = fmt.Fprintf(a.stdout, "%-16s  %-10s  failed: %s %s\n", notice.Failed.Kind, notice.Failed.CheckoutToken, notice.Failed.Reason, notice.Failed.Detail)
		}
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

func (a *app) sayAddresses(s *stage, admin net.Addr) {
	a.sayf(`Staying up, until Ctrl-C, for other clients:
  NATS     %s      nats --server %s stream ls
  Redis    %s
  Conomy   %s
  worker   http://%s/metrics
More events:
  linkworker emit invoice --nats-url %s deploy/examples/invoices.json
  linkworker tail --all --nats-url %s`,
		s.nats.URL(), s.nats.URL(), s.redis.URL(), s.baseURL, admin, s.nats.URL(), s.nats.URL())
}
