package worker

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// crowdedScenes are played where so many events rest that there is no room for more: they rest in their stream. One of them
// rests on what Redis knew before, and would go another way where it forgets.
var crowdedScenes = []*scene{
	{name: "put-back", before: vendorSays(failure500), act: invoice, want: linked},
	{name: "put-back-in-vain", before: vendorSays(always(failure500)), act: invoice, dies: true, want: buried},
	{name: "ends-its-workers", act: endedItsWorkers, dies: true, want: buried},
}

// circuitScenes are those of events that meet an open circuit, each at another step, or a half-open one. Whoever has been
// turned away is so again for as long as the circuit is open.
var circuitScenes = []*scene{
	{name: "comes-when-open", act: invoice, befalls: at(once(openCircuit), stepReceived), loops: whileOpen, want: linked},
	{name: "waits-for-a-slot", act: invoice, befalls: at(once(openCircuit), stepTaken), loops: whileOpen, want: linked},
	{
		name: "rests", before: vendorSays(failure500), act: invoice, befalls: at(once(openCircuit), stepCounted),
		loops: whileOpen, want: linked,
	},
	{
		name: "fails-as-it-opens", before: vendorSays(failure500), act: invoice, befalls: at(once(openCircuit), stepCalled),
		loops: whileOpen, want: linked,
	},
	{
		name: "fails-when-half-open", before: vendorSays(failure500), act: invoice, befalls: at(once(openCircuit), stepCalling),
		loops: whileOpen, want: linked,
	},
	{name: "answered-when-half-open", act: invoice, befalls: at(once(meetHalfOpen), stepCalling), loops: whileOpen, want: linked},
	{name: "nobody-there", act: usedUp, befalls: at(once(openCircuit), stepCalling), loops: whileOpen, want: linked},
}

var whileOpen = []step{stepReceived, stepJudged, stepSettled}

// callsWithClaims lets a worker know from the start that calls are brief, so that it notes their begin with the claims.
func callsWithClaims(r *running) { r.turnstile.spread.took = time.Millisecond }

// callsByThemselves keeps a worker from doing so, as a shared rate does.
func callsByThemselves(r *running) {
	r.turnstile.permit = func(context.Context) (time.Duration, error) { return 0, nil }
}

// narrowScenes are played where a dead letter does not fit into its stream at all, until the operator raises the limit.
var narrowScenes = []*scene{{
	name: "letter-too-large", before: vendorSays(always(refusal)), befalls: at(once(raiseLimit), stepSettled), dies: true, want: buried,
	loops: []step{stepReceived, stepTaken, stepJudged, stepBuried, stepSettled},
	act: func(s *stage, token, id string) uint64 {
		s.limit(events.StreamDeadLetters, 100)
		return invoice(s, token, id)
	},
}}

func raiseLimit(l *life, _ *delivery) { l.stage.limit(events.StreamDeadLetters, -1) }

// endedItsWorkers is an invoice that so many workers have called the vendor for and vanished that it is taken for the cause.
func endedItsWorkers(s *stage, token, id string) uint64 {
	return s.worked(token, invoice(s, token, id), claim.MaxVanished, func(c *claim.Claim) error { return c.Begin(s.t.Context()) })
}

// usedUp is an invoice that has no attempt left.
func usedUp(s *stage, token, id string) uint64 {
	return s.worked(token, invoice(s, token, id), 1, func(c *claim.Claim) error {
		c.Tried = claim.Tried{Attempts: s.settings.Retry.Attempts, First: time.Now(), Last: time.Now(), Failure: []byte(`{"reason":"exhausted"}`)}
		return c.Fail(s.t.Context(), 0, false)
	})
}

// worked is the part of so many earlier workers in the event of a message: each has taken the claim, with a lease that ends
// at once, and done what is given. No worker goes on with the event meanwhile, see act.
func (s *stage) worked(token string, sequence uint64, times int, do func(*claim.Claim) error) uint64 {
	s.t.Helper()
	stream, err := s.js.Stream(s.t.Context(), events.StreamBilling)
	s.must(err)
	msg, err := stream.GetMsg(s.t.Context(), sequence)
	s.must(err)
	d := &delivery{meta: jetstream.MsgMetadata{
		Stream: events.StreamBilling, Sequence: jetstream.SequencePair{Stream: sequence}, Timestamp: msg.Time,
	}}
	event := deadletter.OriginOf(msg.Header, &d.meta)
	store := claim.New(s.rdb, s.settings.RedisPrefix, s.settings.DedupTTL, time.Millisecond)
	for range times {
		s.eventually("the claim is free", func() bool {
			taken, err := store.Take(s.t.Context(), claim.Request{Token: token, Event: event.ID(), Message: d.message()})
			return err == nil && taken.Outcome == claim.OutcomeTaken && do(taken.Claim) == nil
		})
	}
	s.eventually("the last lease is over", func() bool { // else the way would begin with a delivery that waits for it
		m, err := store.Recall(s.t.Context(), token)
		return err == nil && !m.Link.AtWork
	})
	return sequence
}
