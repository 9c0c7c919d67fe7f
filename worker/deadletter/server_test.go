package deadletter

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/embedded"
)

// stage is a real server with a dead-letter stream.
type stage struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	ctx    context.Context
}

func newStage(t *testing.T, config jetstream.StreamConfig) *stage {
	t.Helper()
	server, err := embedded.StartNATS(embedded.NATSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	nc, err := nats.Connect(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	if config.Name == "" {
		config.Name = events.StreamDeadLetters
	}
	config.Subjects, config.AllowDirect = []string{events.DeadLetterPrefix + ">"}, true
	stream, err := js.CreateStream(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	return &stage{nc: nc, js: js, stream: stream, ctx: ctx}
}

func (s *stage) put(t *testing.T, l *Letter) uint64 {
	t.Helper()
	id, err := Put(s.ctx, s.js, s.stream.CachedInfo().Config.Name, l, s.nc.MaxPayload())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *stage) get(t *testing.T, id uint64) *Letter {
	t.Helper()
	l, err := Get(s.ctx, s.stream, id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s *stage) count(t *testing.T) uint64 {
	t.Helper()
	info, err := s.stream.Info(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

// full is a letter in which everything is known.
func full() *Letter {
	return &Letter{
		Subject: events.SubjectInvoiceIssued,
		Header:  nats.Header{"ce-id": {"1"}, "ce-source": {"/shop"}, "Content-Type": {"application/json"}, "X-Trace": {"a", "b"}},
		Data:    []byte(`{"checkoutToken":"invoice-1001"}`),
		Reason:  ReasonRejected, Token: "invoice-1001", Code: "11", Type: "invalidParam", TraceID: "2f1c", Detail: "currency: no such one",
		Status: 400, Attempts: 3, FirstAttempt: time.Date(2026, 5, 18, 11, 0, 0, 0, time.UTC),
		LastAttempt: time.Date(2026, 5, 18, 11, 0, 7, 250_000_000, time.UTC), Worker: "v0.1.0",
		Stream: events.StreamBilling, Sequence: 42, Time: time.Date(2026, 5, 18, 10, 59, 59, 123_456_789, time.UTC),
		Replays: 1, Event: "BILLING.7.1779101999123456789", EventID: "BILLING.7.1779101999123456789.1",
		Identity: "request.r-1", MsgID: "shop-7/1001",
	}
}
