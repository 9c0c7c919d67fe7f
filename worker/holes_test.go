package worker

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/terms"
	"github.com/linkworker/linkworker/worker/testenv"
)

// TestEarlierDuplicateOfALostWrite: Redis has forgotten that a later message of the token was published, and the consumer's
// floor cannot say that it ended, since the earlier duplicate that asks holds it down.
func TestEarlierDuplicateOfALostWrite(t *testing.T) {
	each(t, func(w *world) {
		w.ready()
		ctx := t.Context()
		w.invoice("inv-1")
		consumer, err := w.js.Consumer(ctx, events.StreamBilling, events.ConsumerInvoices)
		w.must(err)
		batch, err := consumer.Fetch(1, jetstream.FetchMaxWait(patience))
		w.must(err)
		earlier := <-batch.Messages()
		w.invoice("inv-1")
		_, forget := w.startForgetful(stepRecorded, w.settings.RedisPrefix+":{inv-1}:link")
		w.eventually("the later one has ended", func() bool {
			w.must(earlier.InProgress())
			return len(w.created()["inv-1"]) == 1 && w.open() == 1
		})
		forget()
		w.must(earlier.NakWithDelay(time.Millisecond))
		w.settled()
		w.count(1, 0, 1, 0)
	})
}

// TestRateLimitedLookUpGoesOnAtItsPage: a walk that the vendor slows down does not begin again with another create.
func TestRateLimitedLookUpGoesOnAtItsPage(t *testing.T) {
	each(t, func(w *world) {
		for i := range 110 {
			if i == 105 {
				w.makeLinkAtVendor("inv-1")
			}
			w.makeLinkAtVendor(fmt.Sprintf("other-%d", i))
		}
		limited := conomytest.Failure(429)
		limited.Headers = map[string]string{"Retry-After": "1"}
		w.script(list, limited, conomytest.Fault{}, limited, conomytest.Fault{}, limited)
		w.start(nil)
		w.invoice("inv-1")
		w.settled()
		w.count(111, 0, 1, 0)
		if creates := w.vendor.Creates("inv-1"); creates != 2 { // the first is not the worker's
			w.t.Errorf("%d creates", creates)
		}
	})
}

// TestPerishedSessionAfterRedisForgot: the same customer asks again when the first session has expired, and Redis knows of
// neither; the notifiers are told of the second all the same.
func TestPerishedSessionAfterRedisForgot(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		var slow atomic.Int64 // by how much the vendor's clock goes after
		w := newWorld(t, env, conomytest.Options{
			SessionTTL: sessionLife, Now: func() time.Time { return time.Now().Add(-time.Duration(slow.Load())) },
		})
		w.start(nil)
		ask := func(token string) {
			w.publish(events.SubjectSessionRequested, nil, fmt.Sprintf(`{"checkoutToken":%q,"customer":{"email":"jane@example.com"}}`, token))
			w.settled()
		}
		w.makeLinkAtVendor("inv-1")
		ask("inv-1")
		ask("inv-1") // a duplicate, while the session is good
		w.count(1, 1, 1, 0)

		w.makeLinkAtVendor("inv-2")
		slow.Store(int64(sessionLife - time.Second)) // what is made now expires soon
		expired := func(n int) {
			w.count(2, 1+n, 1+n, 0)
			last := w.created()["inv-2"][n-1]
			w.eventually("the session has expired", func() bool { return time.Now().After(last.ExpiresAt) })
		}
		ask("inv-2")
		expired(1)
		ask("inv-2")
		expired(2)
		w.env.FlushRedis(w.t)
		ask("inv-2")
		expired(3)
	})
}

// TestStreamRemovedUnderTheWorker: what publishing needs is made again.
func TestStreamRemovedUnderTheWorker(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		w.invoice("inv-1")
		w.settled()
		w.must(w.js.DeleteStream(context.Background(), events.StreamLinks))
		w.must(w.js.DeleteStream(context.Background(), events.StreamDeadLetters))
		w.invoice("inv-2")
		w.publish(events.SubjectInvoiceIssued, nil, "rubbish")
		w.settled()
		w.count(2, 0, 1, 1)
	})
}

// TestStreamOfAnotherName holds characters that no id may.
func TestStreamOfAnotherName(t *testing.T) {
	each(t, func(w *world) {
		const name = `Facturación "2"%`
		_, err := w.js.CreateStream(t.Context(), jetstream.StreamConfig{
			Name: strings.ReplaceAll(name, " ", "-"), Subjects: []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested},
			Storage: jetstream.FileStorage, MaxAge: time.Hour, Duplicates: time.Minute,
		})
		w.must(err)
		w.start(nil)
		w.publish(events.SubjectInvoiceIssued, nil, `{"checkoutToken":"inv-1"}`)
		w.invoice("inv-2")
		w.eventually("both have ended", func() bool { return len(w.failed()) == 1 && len(w.created()) == 1 })
		w.count(1, 0, 1, 1)
	})
}

// TestRefusedKeyStopsNobodyElse: somebody has written a key of another type where a record belongs.
func TestRefusedKeyStopsNobodyElse(t *testing.T) {
	each(t, func(w *world) {
		key := w.settings.RedisPrefix + ":{inv-1}:link"
		w.must(w.rdb.Set(t.Context(), key, "rubbish", 0).Err())
		r := w.start(nil)
		w.invoice("inv-1")
		for i := range 20 {
			w.invoice(fmt.Sprintf("other-%d", i))
		}
		w.eventually("the others have ended", func() bool { return len(w.created()) == 20 })
		if err := r.Ready(); err != nil {
			w.t.Error(err)
		}
	})
}

func TestDetailKeepsWhatItCanOfALongText(t *testing.T) {
	for pad := range 3 {
		e := &deadError{
			reason: deadletter.ReasonConflict, code: "13", typ: "alreadyExist", status: 409, traceID: "trace",
			detail: strings.Repeat("x", pad) + strings.Repeat("日", 400),
		}
		got := decodeFailure(encodeFailure(&delivery{}, e))
		if len(got.detail) < maxDetail-3 || got.code != "13" || got.traceID != "trace" {
			t.Errorf("%+v", got)
		}
	}
}

func TestDifferenceMasksThePayerBeforeItCuts(t *testing.T) {
	const email = "jane.very.long.address@example.com"
	d := &delivery{event: &events.Event{Invoice: &events.Invoice{Customer: &events.Customer{Email: email}}}}
	asked := &terms.Terms{Currency: "USD", Items: []events.Item{{PreTaxAmount: "1", TotalAmount: "1", Description: strings.Repeat("x", 30) + " " + email}}}
	diff, err := terms.Compare(asked, &terms.Terms{Currency: "USD", Items: []events.Item{item("1")}}, false, d.mask)
	if err != nil || diff.Same() || strings.Contains(diff.String(), "jane") {
		t.Errorf("%v %v", diff, err)
	}
}

func TestSleepersCountWhatTheyHold(t *testing.T) {
	var s sleepers
	for range maxSleepers {
		if !s.enter(1) {
			t.Fatal("no room")
		}
	}
	for range 10 {
		if s.enter(1 << 20) {
			t.Fatal("room for too many")
		}
	}
	if n := s.bytes.Load(); n != maxSleepers {
		t.Errorf("%d bytes", n)
	}
	for range maxSleepers {
		s.leave(1)
	}
	if !s.enter(maxSleeperBytes) || s.enter(1) {
		t.Error("the bound of bytes does not hold")
	}
}
