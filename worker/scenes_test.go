package worker

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
)

// scene is a way that an event may go. Each play of it has a token of its own, so that many are played at once.
type scene struct {
	name string
	// before is what was there before any event of the token; earlier are events that a worker has brought to their end;
	// after is what happened since. Each may be nil.
	before, earlier, after func(*stage, string)
	// act publishes the event that is watched, with the given Nats-Msg-Id, and says where its message lies.
	act     func(s *stage, token, id string) uint64
	befalls map[step]befall // what happens where the event passes a step
	// loops are steps that the event passes as often as the time will have it: only the first time counts.
	loops []step
	dies  bool
	want  tally
	spare int // sessions that a crash may leave unused at the vendor

	duplicate bool // of another event
}

// tally is what an observer counts from outside of one token: at the vendor, in LINKS and in DEADLETTERS.
type tally struct{ links, sessions, created, letters, failed int }

var (
	linked   = tally{links: 1, created: 1}
	buried   = tally{letters: 1, failed: 1}
	admitted = tally{links: 1, sessions: 1, created: 1}
)

// scenes are played together, with the settings of every test.
var scenes = []*scene{
	{name: "invoice", act: invoice, want: linked},
	{name: "session", before: atVendor, act: session, want: admitted, spare: 1},
	{name: "rejected", before: vendorSays(always(refusal)), act: invoice, dies: true, want: buried},
	{
		name: "invalid", dies: true, want: buried,
		act: func(s *stage, token, id string) uint64 {
			return s.say(events.SubjectInvoiceIssued, id, fmt.Sprintf(`{"checkoutToken":%q}`, token))
		},
	},
	{
		name: "unreadable", dies: true, want: buried,
		act: func(s *stage, _, id string) uint64 { return s.say(events.SubjectSessionRequested, id, `{`) },
	},
	{name: "retried", before: vendorSays(failure500), act: invoice, want: linked},
	{
		name: "exhausted", before: vendorSays(always(failure500)),
		act: invoice, dies: true, want: buried,
	},
	{name: "answer-lost", before: vendorSays(conomytest.Fault{AfterWork: true, Cut: true}), act: invoice, want: linked},
	{name: "made-already", before: atVendor, act: invoice, want: linked},
	{name: "taken-by-others", before: atVendor, act: invoiceOf("13"), dies: true, want: tally{links: 1, letters: 1, failed: 1}},
	{name: "duplicate", earlier: anInvoice, act: invoice, duplicate: true, want: linked},
	{
		name: "conflict", earlier: anInvoice, act: invoiceOf("13"), dies: true,
		want: tally{links: 1, created: 1, letters: 1, failed: 1},
	},
	{name: "in-work-elsewhere", after: inWorkElsewhere, act: invoice, loops: whileBusy, want: linked},
	{name: "deserted", after: deserted, act: invoice, want: linked},
	{name: "orphan", before: atVendor, after: orphaned, act: invoice, want: linked},
	{name: "session-before-link", before: atVendor, after: inWorkElsewhere, act: session, loops: whileWaiting, want: admitted, spare: 1},
	{name: "session-without-link", act: session, loops: whileWaiting, dies: true, want: buried},
	{
		name: "replayed", before: vendorSays(refusal), earlier: anInvoice, act: replay,
		want: tally{links: 1, created: 1, failed: 1},
	},
	{
		name: "replayed-in-vain", before: vendorSays(always(refusal)), earlier: anInvoice, act: replay, dies: true,
		want: tally{letters: 1, failed: 2},
	},
	{
		name: "perished", before: atVendor, earlier: aCustomer, act: customer,
		want: tally{links: 1, sessions: 2, created: 2}, spare: 1,
	},
	{
		name: "perished-and-forgotten", before: atVendor, earlier: aCustomer, after: forgotten, act: customer,
		want: tally{links: 1, sessions: 2, created: 2}, spare: 1,
	},
	{name: "slow", act: invoice, befalls: at(once(standStill), stepCalling, stepRecorded), want: linked},
	{name: "wide", before: narrow, act: wideInvoice, want: linked},
	{name: "wide-rejected", before: both(narrow, vendorSays(always(refusal))), act: wideInvoice, dies: true, want: buried},
	{name: "panics-before-its-call", act: invoice, befalls: at(panics, stepCalling), dies: true, want: buried},
	{
		name: "panics-after-its-call", act: invoice, befalls: at(panics, stepCalled), dies: true,
		want: tally{links: 1, letters: 1, failed: 1},
	},
	{
		name: "panics-when-told-of", act: invoice, befalls: at(panics, stepPublished), dies: true,
		want: tally{links: 1, created: 1, letters: 1, failed: 1},
	},
	{
		name: "panics-on-its-way-out", before: vendorSays(always(refusal)), act: invoice, befalls: at(once(panicsOnce), stepBuried),
		dies: true, want: buried,
	},
}

// What an event passes again and again while another has its token, and while a session waits for its link.
var (
	whileBusy    = []step{stepReceived, stepTaken, stepJudged, stepSettled}
	whileWaiting = []step{stepCalling, stepNoted, stepCalled, stepCounted, stepAwaited}
)

var failure500 = conomytest.Failure(http.StatusInternalServerError)

var refusal = conomytest.Refusal(http.StatusUnprocessableEntity, "21", "failedPrecondition", "no")

func invoice(s *stage, token, id string) uint64 {
	return s.say(events.SubjectInvoiceIssued, id, invoiceData(token))
}

func invoiceOf(total string) func(*stage, string, string) uint64 {
	return func(s *stage, token, id string) uint64 {
		return s.say(events.SubjectInvoiceIssued, id, strings.Replace(invoiceData(token), "12.50", total, 1))
	}
}

// wideInvoice has more of its own than the streams take after narrow.
func wideInvoice(s *stage, token, id string) uint64 {
	return s.say(events.SubjectInvoiceIssued, id, invoiceData(token, `"metadata":{"x":"`+strings.Repeat("x", 2*narrowSize)+`"}`))
}

func session(s *stage, token, id string) uint64 {
	return s.say(events.SubjectSessionRequested, id,
		fmt.Sprintf(`{"checkoutToken":%q,"requestId":"r1","customer":{"email":"jane@example.com"}}`, token))
}

// customer asks for a session that is told from others by its customer: another one is due when it has expired.
func customer(s *stage, token, _ string) uint64 {
	return s.say(events.SubjectSessionRequested, "", fmt.Sprintf(`{"checkoutToken":%q,"customer":{"email":"jane@example.com"}}`, token))
}

func anInvoice(s *stage, token string) { invoice(s, token, "earlier-"+token) }
func aCustomer(s *stage, token string) { customer(s, token, "") }
func atVendor(s *stage, token string)  { s.makeLinkAtVendor(token) }

// vendorSays lets the vendor's first answers to a create be these.
func vendorSays(faults ...conomytest.Fault) func(*stage, string) {
	return func(s *stage, token string) {
		s.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink, Token: token}, faults...)
	}
}

// narrowSize is what LINKS and DEADLETTERS take after narrow: more than anything but a wide event needs.
const narrowSize = 8 << 10

func narrow(s *stage, _ string) {
	s.limit(events.StreamLinks, narrowSize)
	s.limit(events.StreamDeadLetters, narrowSize)
}

// limit sets how large a message the stream takes.
func (s *stage) limit(name string, size int32) {
	s.t.Helper()
	stream, err := s.js.Stream(s.t.Context(), name)
	s.must(err)
	config := stream.CachedInfo().Config
	config.MaxMsgSize = size
	_, err = s.js.UpdateStream(s.t.Context(), config)
	s.must(err)
}

func both(one, two func(*stage, string)) func(*stage, string) {
	return func(s *stage, token string) {
		one(s, token)
		two(s, token)
	}
}

// elsewhere takes the token for another event, whose message is gone.
func (s *stage) elsewhere(token string, lease time.Duration) *claim.Claim {
	s.t.Helper()
	store := claim.New(s.rdb, s.settings.RedisPrefix, s.settings.DedupTTL, lease)
	taken, err := store.Take(s.t.Context(), claim.Request{
		Token: token, Event: "BILLING.4000000000.1.0", Message: "BILLING.4000000000",
		Terms: []byte(`{"currency":"USD","items":[{"preTaxAmount":"10","totalAmount":"12.5","description":"Plan"}]}`),
	})
	if err != nil || taken.Claim == nil {
		s.t.Fatalf("%s cannot be taken: %+v, %v", token, taken, err)
	}
	return taken.Claim
}

func inWorkElsewhere(s *stage, token string) { s.elsewhere(token, time.Second) }

func deserted(s *stage, token string) { s.must(s.elsewhere(token, time.Minute).Release(s.t.Context())) }

// orphaned leaves an answer that was recorded and, as far as Redis knows, never told.
func orphaned(s *stage, token string) {
	link, _ := s.vendor.Link(token)
	c := s.elsewhere(token, time.Minute)
	s.must(c.Record(s.t.Context(), fmt.Appendf(nil, `{"linkId":%q,"url":%q}`, link.ID, link.URL), time.Time{}))
	s.must(c.Release(s.t.Context()))
}

func forgotten(s *stage, token string) {
	keys, err := s.rdb.Keys(s.t.Context(), s.settings.RedisPrefix+":{"+token+"}:*").Result()
	s.must(err)
	if len(keys) > 0 {
		s.must(s.rdb.Del(s.t.Context(), keys...).Err())
	}
}

// replay sends the token's dead letter back to where it came from.
func replay(s *stage, token, _ string) uint64 {
	s.t.Helper()
	for _, letter := range s.deadLetters() {
		if letter.Token != token {
			continue
		}
		sent, err := s.dlq.Replay(s.t.Context(), letter.id)
		if err != nil {
			s.t.Fatal(err)
		}
		return sent.Sequence
	}
	s.t.Fatalf("%s has no dead letter", token)
	return 0
}
