package story

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/testenv"
	"github.com/linkworker/linkworker/worker/topology"
)

// stage has the streams and a token's record, as a worker leaves them.
type stage struct {
	t      *testing.T
	js     jetstream.JetStream
	claims *claim.Store
}

func newStage(t *testing.T, env *testenv.Env) *stage {
	t.Helper()
	s := &stage{t, env.JetStream(t), claim.New(env.Redis(t), env.Prefix, time.Hour, time.Minute)}
	if _, err := topology.Ensure(t.Context(), s.js, topology.Settings{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// issue publishes an invoice and gives the request for its claim.
func (s *stage) issue(token string) claim.Request {
	s.t.Helper()
	data := fmt.Sprintf(`{"checkoutToken":%q,"currency":"USD","items":[{"preTaxAmount":"10","totalAmount":"10","description":"Plan"}]}`, token)
	ack, err := s.js.Publish(s.t.Context(), events.SubjectInvoiceIssued, []byte(data))
	s.must(err)
	stream, err := s.js.Stream(s.t.Context(), ack.Stream)
	s.must(err)
	msg, err := stream.GetMsg(s.t.Context(), ack.Sequence)
	s.must(err)
	message := ack.Stream + "." + strconv.FormatUint(ack.Sequence, 10)
	return claim.Request{
		Token: token, Event: fmt.Sprintf("%s.%d.0", message, msg.Time.UnixNano()), Message: message, Terms: []byte("{}"),
	}
}

func (s *stage) take(r claim.Request) *claim.Result {
	s.t.Helper()
	found, err := s.claims.Take(s.t.Context(), r)
	s.must(err)
	return found
}

// link makes the token's link and tells of it, as a worker does; with former as one that kept no sequence.
func (s *stage) link(r claim.Request, former bool) {
	s.t.Helper()
	ctx, c := s.t.Context(), s.take(r).Claim
	s.must(c.Record(ctx, []byte(`{"linkId":"l-1","url":"https://pay.example.com/1"}`), time.Time{}))
	s.tell(r.Token)
	if !former {
		c.Told = s.tell(r.Token)
	}
	s.must(c.Publish(ctx))
}

func (s *stage) tell(token string) (sequence uint64) {
	s.t.Helper()
	msg, err := events.EncodeLinkCreated("linkworker", events.LinkCreatedID(token, ""), time.Now(), &events.LinkCreated{
		Kind: events.KindPaymentLink, CheckoutToken: token, URL: "https://pay.example.com/1", LinkID: "l-1",
	})
	s.must(err)
	ack, err := s.js.PublishMsg(s.t.Context(), msg)
	s.must(err)
	return ack.Sequence
}

func (s *stage) ask(q Question) *Story {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	return Sources{NATS: s.js, Claims: s.claims}.Tell(ctx, q)
}

// fill publishes as many other events.
func (s *stage) fill(n int) {
	s.t.Helper()
	js, err := jetstream.New(s.js.Conn(), jetstream.WithPublishAsyncMaxPending(4096))
	s.must(err)
	for i := range n {
		_, err := js.PublishAsync(events.SubjectInvoiceIssued, fmt.Appendf(nil, `{"checkoutToken":"other-%d"}`, i), jetstream.WithStallWait(time.Minute))
		s.must(err)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		s.t.Fatal("not published within a minute")
	}
}

// However many other events there are, no more messages are read: by the connection's own count.
func TestAmongManyOtherEvents(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		s := newStage(t, env)
		r := s.issue("inv-1")
		s.link(r, false)
		s.take(s.issue("inv-1")) // a duplicate
		count := func() (received, read int) {
			before := s.js.Conn().Stats().InMsgs
			told := s.ask(Question{Token: "inv-1"})
			if told.Verdict.Outcome != OutcomeTold || len(told.Facts) != 5 || len(told.Gaps) > 0 {
				t.Errorf("%+v", told)
			}
			return int(s.js.Conn().Stats().InMsgs - before), told.Messages
		}
		received, read := count()
		s.fill(100_000)
		if r, n := count(); r != received || n != read || n != 3 {
			t.Errorf("among many %d messages received and %d read, among few %d and %d", r, n, received, read)
		}
		// What Redis does not know is searched for among them all.
		env.FlushRedis(t)
		if told := s.ask(Question{Token: "inv-1"}); told.Messages < 100_000 || len(told.Facts) != 3 ||
			!strings.HasPrefix(told.Verdict.Text, "one link, told once; BILLING 1 waits") { // there is no worker
			t.Errorf("%d messages read, %+v", told.Messages, told)
		}
	})
}

// A record of a version that kept no sequence: link.created is looked for around the time of the vendor's answer.
func TestFormerRecord(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		s := newStage(t, env)
		s.link(s.issue("inv-1"), true)
		s.tell("inv-2")
		told := s.ask(Question{Token: "inv-1"})
		if told.Verdict.Text != "one link, told once" || len(told.Facts) != 3 || !told.Since.IsZero() {
			t.Errorf("%+v", told)
		}
	})
}
