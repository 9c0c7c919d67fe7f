package topology

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// run starts a server of the options.
func run(t *testing.T, opts server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.NoSigs, opts.NoLog, opts.DisableJetStreamBanner = "127.0.0.1", true, true, true
	if opts.Port == 0 {
		opts.Port = -1
	}
	opts.StoreDir = t.TempDir()
	s, err := server.NewServer(&opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not come up")
	}
	return s
}

func connect(t *testing.T, url string, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	options = append(options, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// newJetStream is that of a server of its own.
func newJetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	return connect(t, run(t, server.Options{JetStream: true}).ClientURL())
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func ensure(t *testing.T, js jetstream.JetStream, s Settings) *Topology {
	t.Helper()
	found, err := Ensure(testContext(t), js, s)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func inspect(t *testing.T, js jetstream.JetStream, s Settings) *Topology {
	t.Helper()
	found, err := Inspect(testContext(t), js, s)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func makeStream(t *testing.T, js jetstream.JetStream, c jetstream.StreamConfig) {
	t.Helper()
	if _, err := js.CreateStream(testContext(t), c); err != nil {
		t.Fatalf("stream %s: %v", c.Name, err)
	}
}

func streamConfig(t *testing.T, js jetstream.JetStream, name string) jetstream.StreamConfig {
	t.Helper()
	stream, err := js.Stream(testContext(t), name)
	if err != nil {
		t.Fatalf("stream %s: %v", name, err)
	}
	return stream.CachedInfo().Config
}

// names are those of all streams.
func names(t *testing.T, js jetstream.JetStream) []string {
	t.Helper()
	var all []string
	lister := js.StreamNames(testContext(t))
	for name := range lister.Name() {
		all = append(all, name)
	}
	if err := lister.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// subjects are all six.
func subjects() []string {
	var all []string
	for _, r := range roles {
		all = append(all, r.subjects()...)
	}
	return all
}

// good is the default stream of the role, to be spoilt.
func good(r role) jetstream.StreamConfig {
	return r.stream(r.subjects(), Settings{}.withDefaults())
}

// goodConsumer is a default consumer, to be spoilt.
func goodConsumer() jetstream.ConsumerConfig {
	return reader{events.ConsumerInvoices, events.SubjectInvoiceIssued}.consumer(jetstream.StreamConfig{}, Settings{}.withDefaults())
}
