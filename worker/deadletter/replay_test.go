package deadletter

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
	"github.com/linkworker/linkworker/worker/testenv"
)

func TestReplay(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWard(t, env)
		id := w.bury(events.SubjectInvoiceIssued, "inv-1", fmt.Sprintf(invoiceData, "inv-1"), func(l *Letter) {
			l.Header = nats.Header{"Nats-Msg-Id": {"inv-1-id"}, "Nats-TTL": {"1h"}, "nats-expected-stream": {"NONE"}, "Nats-Rollup": {"all"}, "X-Shop": {"7", "8"}}
		})
		entry, err := w.Get(w.ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		sent, err := w.Replay(w.ctx, id)
		if err != nil || sent.Earlier || sent.Event != entry.Letter.Event+".1" || sent.Stream != events.StreamBilling {
			t.Fatalf("%+v, error %v", sent, err)
		}
		if ids := w.ids(Filter{}); len(ids) != 0 {
			t.Errorf("letters %v are left", ids)
		}
		all := w.messages(events.SubjectInvoiceIssued)
		if len(all) != 2 {
			t.Fatalf("%d messages", len(all))
		}
		replay := all[1]
		if string(replay.Data) != string(entry.Letter.Data) || len(replay.Header["X-Shop"]) != 2 {
			t.Errorf("another message: %v %s", replay.Header, replay.Data)
		}
		for name := range history.WithoutAdded(replay.Header) {
			if hasPrefixFold(name, natsPrefix) && name != "Nats-Msg-Id" || strings.HasPrefix(name, originalPrefix) {
				t.Errorf("it carries %s", name)
			}
		}
		origin := OriginOf(replay.Header, &jetstream.MsgMetadata{})
		if origin.Event != entry.Letter.Event || origin.Replays != 1 || origin.MsgID != "inv-1-id" {
			t.Errorf("origin %+v", origin)
		}
		if _, err := w.Replay(w.ctx, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("again: error %v", err)
		}
	})
}

// A replay that ends between two steps, for good, and is repeated: the event comes
// once.
func TestReplayCutOff(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		for _, at := range []step{stepRead, stepSent} {
			w := newWard(t, env)
			id := w.buryInvoice("inv-" + string(at))
			before := len(w.messages(events.SubjectInvoiceIssued))
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				other := *w.Store
				other.reached = func(now step) {
					if now == at {
						runtime.Goexit()
					}
				}
				_, _ = other.Replay(w.ctx, id) // it does not come back
				t.Error("the replay was not cut off")
			}()
			<-ended
			if got := w.ids(Filter{}); len(got) != 1 {
				t.Fatalf("%s: letters %v", at, got)
			}
			sent, err := w.Replay(w.ctx, id)
			if err != nil || sent.Earlier != (at == stepSent) {
				t.Errorf("%s: %+v, error %v", at, sent, err)
			}
			if n := len(w.messages(events.SubjectInvoiceIssued)) - before; n != 1 || len(w.ids(Filter{})) != 0 {
				t.Errorf("%s: sent %d times, letters %v", at, n, w.ids(Filter{}))
			}
		}
	})
}

func TestReplaysAtOnce(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWard(t, env)
		var ids []uint64
		for i := range 40 {
			ids = append(ids, w.buryInvoice(fmt.Sprintf("inv-%d", i)))
		}
		var running sync.WaitGroup
		for range 3 {
			running.Go(func() {
				for _, id := range ids {
					if _, err := w.Replay(w.ctx, id); err != nil && !errors.Is(err, ErrNotFound) {
						t.Error(err)
					}
				}
			})
		}
		running.Wait()
		if n := len(w.messages(events.SubjectInvoiceIssued)); n != 2*len(ids) || len(w.ids(Filter{})) != 0 {
			t.Errorf("%d messages for %d events, letters %v", n, len(ids), w.ids(Filter{}))
		}
	})
}

// A letter stays where nothing acknowledges its replay.
func TestReplayWithoutAStream(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWard(t, env)
		id := w.buryInvoice("inv-1")
		if err := w.js.DeleteStream(w.ctx, events.StreamBilling); err != nil {
			t.Fatal(err)
		}
		if sent, err := w.Replay(w.ctx, id); err == nil || sent != nil || len(w.ids(Filter{})) != 1 {
			t.Errorf("%+v, error %v, letters %v", sent, err, w.ids(Filter{}))
		}
	})
}

func TestReplayReadsWhatTheLetterLeavesOut(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWard(t, env)
		omit := func(l *Letter) { l.BodyOmitted, l.HeadersOmitted = true, true }
		data := fmt.Sprintf(invoiceData, "inv-1")
		id := w.bury(events.SubjectInvoiceIssued, "inv-1", data, omit)
		if _, err := w.Replay(w.ctx, id); err != nil {
			t.Fatal(err)
		}
		all := w.messages(events.SubjectInvoiceIssued)
		if got := all[len(all)-1]; string(got.Data) != data || got.Header.Get("X-Shop") != "7" {
			t.Errorf("sent %v %s", got.Header, got.Data)
		}
		// Another message in its place is not taken for it, and a missing one is told of.
		wrong := w.bury(events.SubjectInvoiceIssued, "inv-2", data, func(l *Letter) {
			omit(l)
			l.Time = l.Time.Add(-time.Second)
		})
		gone := w.bury(events.SubjectInvoiceIssued, "inv-3", data, func(l *Letter) {
			omit(l)
			l.Sequence = 4711
		})
		nowhere := w.bury(events.SubjectInvoiceIssued, "inv-4", data, func(l *Letter) {
			omit(l)
			l.Stream = "GONE"
		})
		for _, id := range []uint64{wrong, gone, nowhere} {
			if _, err := w.Replay(w.ctx, id); !errors.Is(err, ErrNoOriginal) {
				t.Errorf("error %v", err)
			}
		}
		if len(w.ids(Filter{})) != 3 {
			t.Errorf("letters %v", w.ids(Filter{}))
		}
	})
}

func TestReplayOfWhatNobodyReads(t *testing.T) {
	w := newStage(t, directly)
	l := full()
	l.Subject = "elsewhere"
	id := w.put(t, l)
	foreign, err := w.js.Publish(w.ctx, "deadletter.invoice.issued", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := Open(w.ctx, w.js, "DEADLETTERS")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint64{id, foreign.Sequence} {
		if _, err := store.Replay(w.ctx, id); !errors.Is(err, ErrUnfit) {
			t.Errorf("error %v", err)
		}
	}
	if w.count(t) != 2 {
		t.Error("a letter is gone")
	}
	for range 2 { // what is gone already is no fault
		if err := store.Discard(w.ctx, foreign.Sequence); err != nil {
			t.Error(err)
		}
	}
	if w.count(t) != 1 {
		t.Error("it is not gone")
	}
}
