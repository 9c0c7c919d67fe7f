package claim

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/linkworker/linkworker/worker/testenv"
)

// past is a store with what a test needs to make a token's past.
type past struct {
	*Store
	t   *testing.T
	ctx context.Context
}

func eachPast(t *testing.T, f func(*testing.T, *past, *testenv.Env)) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		f(t, &past{New(env.Redis(t), env.Prefix, time.Hour, time.Minute), t, context.Background()}, env)
	})
}

func (p *past) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) take(r Request, want Outcome) *Claim {
	p.t.Helper()
	r.Token, r.Terms = "t/1", []byte("{}")
	for range 2 { // as a client may, whose answer was lost; another owner, though
		res, err := p.Take(p.ctx, r)
		p.must(err)
		if res.Outcome == OutcomeTaken && want == OutcomeTaken {
			return res.Claim
		}
		if res.Outcome != want {
			p.t.Fatalf("%+v, want %s", res, want)
		}
	}
	return nil
}

func (p *past) publish(c *Claim, told uint64) {
	p.t.Helper()
	p.must(c.Record(p.ctx, []byte(`{"linkId":"l"}`), time.Time{}))
	c.Told = told
	p.must(c.Publish(p.ctx))
	p.must(c.Publish(p.ctx))
}

func (p *past) recall() *Memory {
	p.t.Helper()
	m, err := p.Recall(p.ctx, "t/1")
	p.must(err)
	return m
}

func name(n int) string    { return fmt.Sprintf("BILLING.%d.17.0", n) }
func message(n int) string { return fmt.Sprintf("BILLING.%d", n) }

func original(n int) Request { return Request{Event: name(n), Message: message(n)} }

func TestRecallOfAWholePast(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		if !p.recall().Nothing() {
			t.Fatalf("%+v", p.recall())
		}
		// 1 dies, is replayed as 5, and that becomes the link; 2 is a duplicate, 3 a conflict, 4 a session.
		grave, err := p.take(original(1), OutcomeTaken).Bury(p.ctx, []byte("verdict"))
		p.must(err)
		grave.Token, grave.Letter, grave.Told = "t/1", "7", 71
		for range 2 {
			_, err = p.Close(p.ctx, grave)
			p.must(err)
		}
		p.publish(p.take(Request{Event: "BILLING.1.17.1", Message: message(5)}, OutcomeTaken), 72)
		p.take(original(2), OutcomePublished)
		p.take(original(3), OutcomePublished)
		for range 2 {
			_, err = p.Bury(p.ctx, Death{Token: "t/1", Event: name(3), Message: message(3), Verdict: []byte("other")})
			p.must(err)
		}
		session := original(4)
		session.Identity = "request.a b"
		p.publish(p.take(session, OutcomeTaken), 73)
		m := p.recall()
		if m.Link == nil || m.Link.State != "published" || m.Link.Told != 72 || m.Link.Event != "BILLING.1.17.1" ||
			string(m.Link.Answer) != `{"linkId":"l"}` || m.Link.Recorded.IsZero() || m.Full {
			t.Errorf("%+v", m.Link)
		}
		if len(m.Sessions) != 1 || m.Sessions[0].Told != 73 || m.Sessions[0].Identity != safeIdentity("request.a b") {
			t.Errorf("%+v", m.Sessions)
		}
		var got []string
		for _, e := range m.Events {
			if e.Owner == (e.Event == name(1) || e.Event == name(2) || e.Event == name(3)) {
				t.Errorf("%+v", e)
			}
			got = append(got, fmt.Sprint(e.Event, " ", e.Message, " ", e.Dead, " ", string(e.Verdict), " ", e.Letter, " ", e.Told))
		}
		want := []string{
			"BILLING.1.17.1 BILLING.5 false   0", name(4) + " BILLING.4 false   0", name(1) + " BILLING.1 true  7 71",
			name(2) + " BILLING.2 false   0", name(3) + " BILLING.3 true other  0",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%q, want\n%q", got, want)
		}
	})
}

func TestATokenThatWentWellHasNoTrail(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		p.publish(p.take(original(1), OutcomeTaken), 31)
		p.take(original(1), OutcomePublished) // redelivered
		keys, err := env.Redis(t).Keys(p.ctx, env.Prefix+":*").Result()
		if err != nil || len(keys) != 1 {
			t.Errorf("keys %q, error %v", keys, err)
		}
		m := p.recall()
		if len(m.Events) != 1 || m.Events[0].Message != message(1) || !m.Events[0].Owner || m.Link.Told != 31 {
			t.Errorf("%+v", m)
		}
	})
}

// However often a token comes, it takes no more than so much memory; the first and the last are kept.
func TestTheTrailIsBounded(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		p.publish(p.take(original(1000), OutcomeTaken), 31)
		for n := range 200 {
			p.take(original(2000+n), OutcomePublished)
			time.Sleep(time.Millisecond) // each has a time of its own
		}
		m := p.recall()
		if len(m.Events) != 1+trailLength || !m.Full {
			t.Fatalf("%d events, full %v", len(m.Events), m.Full)
		}
		for i, e := range m.Events[1:] {
			n := 2000 + i
			if i >= trailLength/2 {
				n = 2200 - trailLength + i
			}
			if e.Event != name(n) {
				t.Errorf("entry %d is %s, want %s", i, e.Event, name(n))
			}
		}
		if left := env.Redis(t).PTTL(p.ctx, p.key("t/1", "trail")).Val(); left <= 0 {
			t.Errorf("the trail is kept for %v", left)
		}
	})
}

func TestWhatLosesItsRecordIsOnTheTrail(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		p.must(p.take(original(1), OutcomeTaken).Release(p.ctx))
		other := original(2)
		other.Ended = name(1)
		p.must(p.take(other, OutcomeTaken).Record(p.ctx, []byte("link"), time.Time{}))
		p.must(env.Redis(t).HSet(p.ctx, p.key("t/1", "link"), "o", "", "u", 0).Err()) // its lease has ended
		third := original(3)
		third.Ended, third.Adopt = name(2), true
		p.take(third, OutcomeTaken)
		var got []string
		for _, e := range p.recall().Events {
			got = append(got, e.Event)
		}
		if want := []string{name(3), name(1), name(2)}; !reflect.DeepEqual(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestAPerishedSessionLeavesItsNotice(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		first := original(1)
		first.Identity, first.Perishable = "customer.x", true
		c := p.take(first, OutcomeTaken)
		p.must(c.Record(p.ctx, []byte("{}"), time.Now().Add(-time.Minute)))
		c.Told = 31
		p.must(c.Publish(p.ctx))
		second := original(2)
		second.Identity, second.Perishable = first.Identity, true
		p.publish(p.take(second, OutcomeTaken), 32)
		m := p.recall()
		if !reflect.DeepEqual(m.Told, []uint64{31}) || len(m.Sessions) != 1 || m.Sessions[0].Told != 32 || len(m.Events) != 2 {
			t.Errorf("%+v", m)
		}
	})
}

// A record of a version that kept no sequences and no trail.
func TestRecallOfAFormerRecord(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		err := env.Redis(t).HSet(p.ctx, p.key("t/1", "link"), "s", "published", "e", name(9), "t", "{}", "r", "{}", "x", 1000, "p", 0).Err()
		p.must(err)
		m := p.recall()
		if m.Nothing() || m.Link.Told != 0 || len(m.Events) != 1 || m.Events[0].Message != message(9) {
			t.Errorf("%+v", m)
		}
	})
}
