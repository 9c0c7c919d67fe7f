package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
	"github.com/linkworker/linkworker/worker/topology"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// patience bounds each wait for something that must happen.
const patience = 90 * time.Second

// worldLease is so long that a worker which lives keeps its claims on a machine with much else to do: a lost one means
// another call, and tests count calls.
const worldLease = 5 * time.Second

// world is all that stands around a worker: servers, the vendor, and an observer who counts from outside.
type world struct {
	t         *testing.T
	env       *testenv.Env
	js        jetstream.JetStream
	rdb       redis.UniversalClient
	vendor    *conomytest.Server
	vendorURL string
	transport http.RoundTripper // to the vendor; nil: the client's own
	connect   func() *nats.Conn // nil: as everybody does
	logged    io.Writer         // gets the workers' logs as JSON lines, at debug level; nil: nobody does
	patience  time.Duration     // with a wait, where that is longer than everybody's
	timeout   time.Duration     // of a call to the vendor, where that is longer than everybody's
	quiet     bool              // the test's own log has warnings and errors only
	settings  Settings
	creds     atomic.Pointer[conomy.Credentials]
}

func newWorld(t *testing.T, env *testenv.Env, options conomytest.Options) *world {
	t.Helper()
	w := &world{t: t, env: env, js: env.JetStream(t), rdb: env.Redis(t), vendor: conomytest.New(options)}
	server := httptest.NewServer(w.vendor)
	t.Cleanup(func() {
		w.vendor.Close()
		server.Close()
	})
	w.vendorURL = server.URL + "/sandbox"
	w.creds.Store(&conomy.Credentials{APIKey: "key-secret", ClientID: "client", ClientSecret: "client-secret"})
	w.settings = Settings{
		Concurrency: 16, RedisPrefix: env.Prefix, Retry: Retry{Initial: 20 * time.Millisecond, Max: 200 * time.Millisecond, Attempts: 3},
		SessionWait: time.Second, DedupTTL: time.Hour, ClaimTTL: worldLease, ShutdownTimeout: 5 * time.Second,
		Merchant: Merchant{
			OwnerIdentityID: "owner-1", AccountNumber: "acc-1", AccountIdentityID: "identity-1",
			PaymentMethods: []string{"CARD"}, Duration: 3600,
		},
		CheckoutURL: "https://checkout.example.com", Source: "linkworker", Version: "test",
		Topology:    topology.Settings{Replicas: 1, AckWait: worldLease, LinksDuplicateWindow: time.Hour, DedupTTL: 720 * time.Hour},
		Credentials: func() (conomy.Credentials, error) { return *w.creds.Load(), nil },
	}
	return w
}

// running is a worker with connections of its own.
type running struct {
	*Worker
	world    *world
	nc       *nats.Conn
	rdb      redis.UniversalClient
	registry *prometheus.Registry
	stop     context.CancelFunc
	ended    chan struct{}
	killed   atomic.Bool
}

// start runs a worker; prepare, if not nil, may set it up before.
func (w *world) start(prepare func(*running)) *running {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := &running{world: w, rdb: w.env.Redis(w.t), ended: make(chan struct{})}
	if w.connect != nil {
		r.nc = w.connect()
	} else {
		r.nc = w.env.NATS(w.t)
	}
	js, err := jetstream.New(r.nc)
	w.must(err)
	found, err := topology.Ensure(ctx, js, w.settings.Topology)
	w.must(err)
	r.registry = prometheus.NewRegistry()
	metrics := NewMetrics(r.registry)
	vendor, err := conomy.New(conomy.Config{
		BaseURL: w.vendorURL, Credentials: *w.creds.Load(), UserAgent: "linkworker/test", Timeout: max(w.timeout, 10*time.Second),
		MaxConns: w.settings.Concurrency, Observe: metrics.ObserveCall, Transport: w.transport,
	})
	w.must(err)
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	shown := debug
	if w.quiet {
		shown = &slog.HandlerOptions{Level: slog.LevelWarn}
	}
	log := slog.New(slog.NewTextHandler(testLog{w.t}, shown))
	if w.logged != nil {
		log = slog.New(slog.NewMultiHandler(log.Handler(), slog.NewJSONHandler(w.logged, debug)))
	}
	r.Worker, err = New(w.settings, Parts{NATS: r.nc, Redis: r.rdb, Vendor: vendor, Metrics: metrics, Log: log}, found)
	w.must(err)
	if prepare != nil {
		prepare(r)
	}
	run, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() {
		defer close(r.ended)
		w.must(r.Run(run))
	}()
	w.t.Cleanup(func() {
		r.halt()
		vendor.Close()
	})
	return r
}

// halt asks the worker to end, as SIGTERM does, and waits until it has.
func (r *running) halt() {
	r.stop()
	select {
	case <-r.ended:
	case <-time.After(patience):
		r.world.t.Error("the worker did not end")
	}
}

// kill cuts the worker off from everything, as SIGKILL does: nothing that it still tries reaches anybody.
func (r *running) kill() {
	if r.killed.CompareAndSwap(false, true) {
		r.nc.Close()
		_ = r.rdb.Close()
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

// testLog shows a worker's log where a test fails.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Log(string(line))
	}
	return len(line), nil
}

// eventually waits for a condition.
func (w *world) eventually(what string, met func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(max(w.patience, patience))
	for pause := 10 * time.Millisecond; !met(); pause = min(pause+time.Millisecond, 50*time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within %v: %s", max(w.patience, patience), what)
		}
		time.Sleep(pause)
	}
}

func (w *world) publish(subject string, header nats.Header, data string) uint64 {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ack, err := w.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: header, Data: []byte(data)})
	if err != nil {
		w.t.Fatal(err)
	}
	return ack.Sequence
}

// invoice publishes an invoice with the token; more are further fields.
func (w *world) invoice(token string, more ...string) uint64 {
	w.t.Helper()
	return w.publish(events.SubjectInvoiceIssued, nil, invoiceData(token, more...))
}

func invoiceData(token string, more ...string) string {
	quoted, _ := json.Marshal(token)
	data := fmt.Sprintf(`{"checkoutToken":%s,"currency":"USD","items":[{"preTaxAmount":"10","totalAmount":"12.50","description":"Plan"}]`, quoted)
	for _, field := range more {
		data += "," + field
	}
	return data + "}"
}

func (w *world) session(token, request string) uint64 {
	w.t.Helper()
	quoted, _ := json.Marshal(token)
	return w.publish(events.SubjectSessionRequested, nil,
		fmt.Sprintf(`{"checkoutToken":%s,"requestId":%q,"customer":{"firstName":"Jane","email":"jane@example.com"}}`, quoted, request))
}

// ready makes the streams before anything is published.
func (w *world) ready() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := topology.Ensure(ctx, w.js, w.settings.Topology)
	w.must(err)
}

// settled waits until every event has ended.
func (w *world) settled() {
	w.t.Helper()
	w.eventually("every event has ended", func() bool { return w.open() == 0 })
}

// open counts the events that have not ended.
func (w *world) open() int {
	ctx := context.Background()
	stream, err := w.js.Stream(ctx, events.StreamBilling)
	if err != nil {
		return -1
	}
	total := 0
	for subject, name := range map[string]string{
		events.SubjectInvoiceIssued: events.ConsumerInvoices, events.SubjectSessionRequested: events.ConsumerSessions,
	} {
		last, err := stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return -1
		}
		consumer, err := w.js.Consumer(ctx, events.StreamBilling, name)
		if err != nil {
			return -1
		}
		info := consumer.CachedInfo()
		total += int(info.NumPending) + info.NumAckPending
		if info.Delivered.Stream < last.Sequence && total == 0 { // the consumer has not seen it yet
			total++
		}
	}
	return total
}

// messages reads a stream from beginning to end.
func (w *world) messages(stream string) []*jetstream.RawStreamMsg {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := w.js.Stream(ctx, stream)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	for seq := max(1, s.CachedInfo().State.FirstSeq); seq <= s.CachedInfo().State.LastSeq; seq++ {
		msg, err := s.GetMsg(ctx, seq)
		switch {
		case err == nil:
			all = append(all, msg)
		case !errors.Is(err, jetstream.ErrMsgNotFound):
			w.t.Fatal(err)
		}
	}
	return all
}

// created reads link.created, by checkoutToken.
func (w *world) created() map[string][]events.LinkCreated {
	w.t.Helper()
	all := map[string][]events.LinkCreated{}
	for _, msg := range w.messages(events.StreamLinks) {
		if msg.Subject != events.SubjectLinkCreated {
			continue
		}
		notice, err := events.DecodeNotice(msg.Subject, msg.Header, msg.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		all[notice.Created.CheckoutToken] = append(all[notice.Created.CheckoutToken], *notice.Created)
	}
	return all
}

func (w *world) failed() []events.LinkFailed {
	w.t.Helper()
	var all []events.LinkFailed
	for _, msg := range w.messages(events.StreamLinks) {
		if msg.Subject != events.SubjectLinkFailed {
			continue
		}
		notice, err := events.DecodeNotice(msg.Subject, msg.Header, msg.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, *notice.Failed)
	}
	return all
}

func (w *world) letters() []*deadletter.Letter {
	w.t.Helper()
	var all []*deadletter.Letter
	for _, msg := range w.messages(events.StreamDeadLetters) {
		letter, err := deadletter.Parse(msg.Subject, msg.Header, msg.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, letter)
	}
	return all
}

// count checks the promise from outside: links and sessions at the vendor, link.created, dead letters and link.failed.
func (w *world) count(links, sessions, created, dead int) {
	w.t.Helper()
	told := 0
	for _, all := range w.created() {
		told += len(all)
	}
	got := [5]int{len(w.vendor.Links()), len(w.vendor.Sessions()), told, len(w.letters()), len(w.failed())}
	want := [5]int{links, sessions, created, dead, dead}
	if got != want {
		w.t.Errorf("links, sessions, link.created, dead letters, link.failed: got %v, want %v", got, want)
	}
}

// makeLinkAtVendor makes a link that the worker has not made, with the terms that the default invoice has.
func (w *world) makeLinkAtVendor(token string) {
	w.t.Helper()
	vendor, err := conomy.New(conomy.Config{BaseURL: w.vendorURL, Credentials: *w.creds.Load(), UserAgent: "somebody/1"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer vendor.Close()
	_, err = vendor.CreatePaymentLink(context.Background(), &conomy.PaymentLinkRequest{
		CheckoutToken: token, Currency: "USD", Items: []conomy.Item{{PreTaxAmount: "10", TotalAmount: "12.5", Description: "Plan"}},
		PaymentMethodsAllowed: []string{"CARD"}, Duration: 3600, Owner: conomy.Owner{IdentityID: "owner-1"},
		Destinations: []conomy.Destination{{
			Type: "ACCOUNT", Amount: "12.5", Currency: "USD", Identity: &conomy.Identity{IdentityID: "identity-1"},
			Account: &conomy.Account{AccountNumber: "acc-1"},
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
