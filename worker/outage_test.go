package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
)

// burst publishes n invoices and half as many sessions, with duplicates, and returns what is to come of them.
func (w *world) burst(n int) (links, sessions int) {
	for i := range n {
		token := fmt.Sprintf("inv-%d", i)
		w.invoice(token)
		if i%2 == 0 {
			w.session(token, "r1")
			sessions++
		}
		if i%5 == 0 {
			w.invoice(token)
			w.session(token, "r1")
			if i%2 != 0 {
				sessions++
			}
		}
	}
	return n, sessions
}

func TestRedisAway(t *testing.T) {
	each(t, func(w *world) {
		w.script(create, conomytest.Fault{Delay: conomytest.Delay(50 * time.Millisecond), Always: true})
		w.settings.SessionWait = time.Minute
		r := w.start(nil)
		links, sessions := w.burst(30)
		w.eventually("some links are made", func() bool { return len(w.vendor.Links()) > 3 })
		w.env.StopRedis(w.t)
		w.eventually("readiness fails", func() bool { return r.Ready() != nil })
		w.env.StartRedis(w.t)
		w.settled()
		w.count(links, sessions, links+sessions, 0)
	})
}

func TestIdleWorkerTellsOfRedisAndCredentials(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWorld(t, env, conomytest.Options{APIKey: "key-secret", ClientID: "client", ClientSecret: "right"})
		r := w.start(nil)
		w.eventually("readiness fails for the credentials", func() bool { return r.gate.because(pauseCredentials) != nil && r.Ready() != nil })
		w.creds.Store(&conomy.Credentials{APIKey: "key-secret", ClientID: "client", ClientSecret: "right"})
		w.eventually("they are taken", func() bool { return r.Ready() == nil })
		w.env.StopRedis(w.t)
		w.eventually("readiness fails for Redis", func() bool { return r.Ready() != nil })
		w.env.StartRedis(w.t)
		w.eventually("Redis is back", func() bool { return r.Ready() == nil })
	})
}

func TestRedisForgetsEverything(t *testing.T) {
	each(t, func(w *world) {
		w.script(create, conomytest.Fault{Delay: conomytest.Delay(20 * time.Millisecond), Always: true})
		w.settings.SessionWait = time.Minute
		w.start(nil)
		const n = 40
		for i := range n {
			w.invoice(fmt.Sprintf("inv-%d", i))
		}
		w.eventually("some links are made", func() bool { return len(w.vendor.Links()) > 3 })
		w.env.FlushRedis(w.t)
		for i := range n {
			w.invoice(fmt.Sprintf("inv-%d", i))
		}
		w.settled()
		w.count(n, 0, n, 0)
	})
}

func TestNATSAway(t *testing.T) {
	each(t, func(w *world) {
		w.script(create, conomytest.Fault{Delay: conomytest.Delay(50 * time.Millisecond), Always: true})
		w.settings.SessionWait = time.Minute
		r := w.start(nil)
		links, sessions := w.burst(30)
		w.eventually("some links are made", func() bool { return len(w.vendor.Links()) > 3 })
		w.env.StopNATS(w.t)
		w.eventually("readiness fails", func() bool { return r.Ready() != nil })
		w.env.StartNATS(w.t)
		w.settled()
		spare := len(w.vendor.Sessions()) - sessions
		if spare < 0 || spare > w.settings.Concurrency {
			w.t.Errorf("%d sessions too many", spare)
		}
		w.count(links, len(w.vendor.Sessions()), links+sessions, 0)
	})
}

func TestConsumerRemovedUnderTheWorker(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		w.invoice("inv-1")
		w.settled()
		w.must(w.js.DeleteConsumer(context.Background(), events.StreamBilling, events.ConsumerInvoices))
		w.invoice("inv-2")
		w.eventually("the new consumer brings the event", func() bool { return len(w.created()["inv-2"]) == 1 })
		w.settled()
		w.count(2, 0, 2, 0)
	})
}

func TestStopGivesBackWhatIsNotInACall(t *testing.T) {
	each(t, func(w *world) {
		w.settings.Concurrency = 2
		w.script(create, conomytest.Fault{Delay: conomytest.Delay(300 * time.Millisecond), Always: true})
		r := w.start(nil)
		const n = 12
		for i := range n {
			w.invoice(fmt.Sprintf("inv-%d", i))
		}
		w.eventually("calls are under way", func() bool { return w.vendor.Calls(create) >= 2 })
		started := time.Now()
		r.halt()
		if took := time.Since(started); took > w.settings.ShutdownTimeout {
			w.t.Errorf("stopping took %v", took)
		}
		links := len(w.vendor.Links())
		if links == n {
			w.t.Error("nothing was given back")
		}
		w.count(links, 0, links, 0)
		w.vendor.ClearFaults()
		w.start(nil)
		w.settled()
		w.count(n, 0, n, 0)
	})
}

func TestHangingCallsDoNotHoldUpTheStop(t *testing.T) {
	each(t, func(w *world) {
		w.settings.ShutdownTimeout = time.Second
		w.script(create, conomytest.Fault{Hang: true, AfterWork: true})
		r := w.start(nil)
		w.invoice("inv-1")
		w.eventually("the call is under way", func() bool { return w.vendor.Calls(create) == 1 })
		started := time.Now()
		r.halt()
		if took := time.Since(started); took > 2*w.settings.ShutdownTimeout {
			w.t.Errorf("stopping took %v", took)
		}
		w.start(nil)
		w.settled()
		w.count(1, 0, 1, 0)
	})
}

func TestPanicIsADeadLetterAndTheProcessGoesOn(t *testing.T) {
	each(t, func(w *world) {
		w.start(func(r *running) {
			r.reached = func(_ *delivery, s step) {
				if s == stepTaken && len(r.world.vendor.Links()) == 0 {
					panic("jane@example.com")
				}
			}
		})
		w.invoice("inv-1")
		w.eventually("the dead letter is there", func() bool { return len(w.letters()) == 1 })
		if l := w.letter(); l.Reason != deadletter.ReasonPanic || l.Detail != "panic: string" {
			w.t.Errorf("%+v", l)
		}
		w.makeLinkAtVendor("inv-0")
		w.invoice("inv-2")
		w.settled()
		w.count(2, 0, 1, 1)
	})
}

func TestEventThatEndsItsWorkers(t *testing.T) {
	each(t, func(w *world) {
		w.ready()
		seq := w.invoice("inv-1")
		stream, err := w.js.Stream(context.Background(), events.StreamBilling)
		w.must(err)
		msg, err := stream.GetMsg(context.Background(), seq)
		w.must(err)
		origin := deadletter.OriginOf(msg.Header, &jetstream.MsgMetadata{
			Stream: events.StreamBilling, Sequence: jetstream.SequencePair{Stream: seq}, Timestamp: msg.Time,
		})
		// As if so many processes had taken the event and vanished.
		store := claim.New(w.rdb, w.settings.RedisPrefix, time.Hour, time.Millisecond)
		for range claim.MaxVanished {
			w.eventually("the claim is free", func() bool {
				res, err := store.Take(context.Background(), claim.Request{Token: "inv-1", Event: origin.ID(), Message: "BILLING.1", Terms: []byte("{}")})
				return err == nil && res.Outcome == claim.OutcomeTaken && res.Claim.Begin(context.Background()) == nil
			})
		}
		w.start(nil)
		w.settled()
		w.count(0, 0, 0, 1)
		if l := w.letter(); l.Reason != deadletter.ReasonPanic {
			w.t.Errorf("%+v", l)
		}
	})
}

// TestAcknowledgedEventWhoseRecordFellBack is what an asynchronous failover of Redis leaves: the event is acknowledged, and
// Redis knows only an earlier state.
func TestAcknowledgedEventWhoseRecordFellBack(t *testing.T) {
	each(t, func(w *world) {
		w.ready()
		w.invoice("inv-1")
		r, forget := w.startForgetful(stepTaken, w.settings.RedisPrefix+":{inv-1}:link")
		w.settled()
		r.halt()
		forget()
		w.start(nil)
		w.invoice("inv-1") // same terms: one link, and link.created falls into the duplicate window
		w.settled()
		w.count(1, 0, 1, 0)
	})
}
