package worker

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/history"
)

// ordersToServer are headers on which a NATS server acts when a message is published. Each is good for the message that
// has them; last is the stream's last sequence before it, lastID that message's id.
var ordersToServer = []struct {
	name   string
	header func(last uint64, lastID string) nats.Header
}{
	{"TTL", func(uint64, string) nats.Header { return nats.Header{"Nats-TTL": {"1h"}} }},
	{"rollup of the subject", func(uint64, string) nats.Header { return nats.Header{"Nats-Rollup": {"sub"}} }},
	{"rollup of all", func(uint64, string) nats.Header { return nats.Header{"Nats-Rollup": {"all"}} }},
	{"expected stream", func(uint64, string) nats.Header { return nats.Header{"Nats-Expected-Stream": {events.StreamBilling}} }},
	{"expected sequence", func(last uint64, _ string) nats.Header {
		return nats.Header{"Nats-Expected-Last-Sequence": {strconv.FormatUint(last, 10)}}
	}},
	{"expected sequence of the subject", func(last uint64, _ string) nats.Header {
		return nats.Header{"Nats-Expected-Last-Subject-Sequence": {strconv.FormatUint(last, 10)}}
	}},
	{"expected id", func(_ uint64, id string) nats.Header { return nats.Header{"Nats-Expected-Last-Msg-Id": {id}} }},
	{"schedule", func(uint64, string) nats.Header {
		return nats.Header{"Nats-Schedule": {"@at " + time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, "Nats-Schedule-Target": {events.SubjectSessionRequested}}
	}},
	{"of another's making", func(uint64, string) nats.Header {
		return nats.Header{"Nats-Stream": {"X"}, "Nats-Sequence": {"1"}, "Nats-Num-Pending": {"0"}, "nats-ttl": {"1s"}, "NATS-ROLLUP": {"all"}}
	}},
}

// obedient lets the streams do what headers say.
func (w *world) obedient() {
	w.t.Helper()
	w.ready()
	for _, name := range []string{events.StreamBilling, events.StreamLinks, events.StreamDeadLetters} {
		stream, err := w.js.Stream(w.t.Context(), name)
		w.must(err)
		c := stream.CachedInfo().Config
		c.AllowRollup, c.AllowMsgTTL, c.AllowMsgSchedules, c.Discard = true, true, true, jetstream.DiscardOld
		_, err = w.js.UpdateStream(w.t.Context(), c)
		w.must(err)
	}
}

// TestHeadersThatServersObey: what a producer orders the server to do with its event is not done with what comes of it.
func TestHeadersThatServersObey(t *testing.T) {
	each(t, func(w *world) {
		w.obedient()
		w.start(nil)
		last, lastID := uint64(0), ""
		for i, order := range ordersToServer {
			for _, what := range []string{"good", "bad"} {
				token := fmt.Sprintf("%s-%d", what, i)
				if what == "bad" { // once: its replay is good
					w.vendor.Script(conomytest.Match{Token: token}, conomytest.Refusal(422, "21", "failedPrecondition", order.name))
				}
				header := order.header(last, lastID)
				lastID = "id-of-" + token
				header.Set("Nats-Msg-Id", lastID)
				last = w.publish(events.SubjectInvoiceIssued, header, invoiceData(token))
				w.settled()
			}
		}
		n := len(ordersToServer)
		w.count(n, 0, n, n)
		w.noOrders(events.StreamLinks, 0)
		w.noOrders(events.StreamDeadLetters, 0)

		w.replayAll()
		w.settled()
		if links, told, letters := len(w.vendor.Links()), len(w.created()), len(w.letters()); links != 2*n || told != 2*n || letters != 0 {
			w.t.Errorf("after the replays: %d links, %d link.created, %d dead letters", links, told, letters)
		}
		w.noOrders(events.StreamBilling, last)
		w.noOrders(events.StreamLinks, 0)
	})
}

// replayAll replays every dead letter.
func (w *world) replayAll() {
	w.t.Helper()
	store, err := deadletter.Open(w.t.Context(), w.js, "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, msg := range w.messages(events.StreamDeadLetters) {
		if _, err := store.Replay(w.t.Context(), msg.Sequence); err != nil {
			w.t.Errorf("dead letter %d: %v", msg.Sequence, err)
		}
	}
}

// noOrders looks for headers of NATS on all messages of a stream after a sequence: but their own, which are
// an id and the stream's name.
func (w *world) noOrders(stream string, after uint64) {
	w.t.Helper()
	found := 0
	for _, msg := range w.messages(stream) {
		if msg.Sequence <= after {
			continue
		}
		found++
		for name := range history.WithoutAdded(msg.Header) {
			own := name == jetstream.MsgIDHeader || name == jetstream.ExpectedStreamHeader && msg.Header.Get(name) == stream
			if strings.HasPrefix(strings.ToLower(name), "nats-") && !own {
				w.t.Errorf("%s, message %d has %s", stream, msg.Sequence, name)
			}
		}
	}
	if found == 0 {
		w.t.Errorf("%s has no message after %d", stream, after)
	}
}
