package claim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/testenv"
)

// quick is a request that goes the quick way.
func quick(n int) Request {
	r := original(n)
	r.Token, r.Terms, r.New = "t/1", []byte("{}"), true
	return r
}

// between sends the commands of a pipeline one by one, and lets something happen after the first of a take's.
type between struct{ do func() }

func (b *between) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		b.after(cmd)
		return err
	}
}

func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for i := range cmds {
			if err := next(ctx, cmds[i:i+1]); err != nil && !errors.Is(err, redis.Nil) {
				return err
			}
			b.after(cmds[i])
		}
		return nil
	}
}

func (b *between) after(cmd redis.Cmder) {
	if do := b.do; do != nil && (cmd.Name() == "set" || cmd.Name() == "exists") {
		b.do = nil
		do()
	}
}

// A delivery of the event that owns the claim buries it while another one takes it: on the lane, and as a client of several
// servers does it, alone and where others take at that time.
func TestADeathBetweenTheTwoCommandsIsSeen(t *testing.T) {
	for _, way := range []struct {
		single bool
		others int64
	}{{single: true}, {others: 0}, {others: 1}} {
		eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
			client := redis.NewClient(env.Redis(t).(*redis.Client).Options())
			t.Cleanup(func() { _ = client.Close() })
			between := new(between)
			client.AddHook(between)
			s := New(client, env.Prefix, time.Hour, time.Minute)
			s.single = way.single
			s.making.Store(way.others)
			for n := range 10 {
				r := quick(n)
				r.Token = fmt.Sprint("t/", n)
				first, err := p.Take(p.ctx, r)
				p.must(err)
				between.do = func() {
					_, err := first.Claim.Bury(p.ctx, []byte("verdict"))
					p.must(err)
				}
				found, err := s.Take(p.ctx, r)
				p.must(err)
				if found.Outcome != OutcomeDead {
					t.Fatalf("%+v", found)
				}
				if between.do != nil {
					t.Fatal("nothing came between")
				}
			}
		})
	}
}

func TestADeadEventGetsNoClaim(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		r := quick(1)
		dead := Death{Token: r.Token, Event: r.Event, Verdict: []byte("verdict")}
		_, err := p.Bury(p.ctx, dead)
		p.must(err)
		found, err := p.Take(p.ctx, r)
		p.must(err)
		if found.Outcome != OutcomeDead || string(found.Verdict) != "verdict" {
			t.Fatalf("%+v", found)
		}
		if kind := env.Redis(t).Type(p.ctx, p.keys(r).record).Val(); kind != "none" {
			t.Errorf("it has left a %s", kind)
		}

		// A recorded answer is not undone, whatever is said of its event.
		r = quick(2)
		c := p.take(r, OutcomeTaken)
		p.must(c.Record(p.ctx, []byte("answer"), time.Time{}))
		dead.Event = r.Event
		_, err = p.Bury(p.ctx, dead)
		p.must(err)
		if found, err = p.Take(p.ctx, r); err != nil || found.Outcome != OutcomeDead {
			t.Fatalf("%+v, error %v", found, err)
		}
		sight, err := p.Inspect(p.ctx, r.Token, "", r.Event)
		p.must(err)
		if sight.State != "recorded" || string(sight.Answer) != "answer" {
			t.Errorf("%+v", sight)
		}
	})
}

func TestAReplayThatIsNewIsOnTheTrail(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		r := quick(1)
		r.Event, r.Message = "BILLING.1.17.1", message(9)
		c := p.take(r, OutcomeTaken)
		p.publish(c, 31)
		if m := p.recall(); len(m.Events) != 1 || m.Events[0].Message != message(9) || m.Events[0].At.IsZero() {
			t.Errorf("%+v", m.Events)
		}
	})
}

func TestALeaseThatIsToldByALife(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		r := quick(1)
		p.take(r, OutcomeTaken)
		key := p.keys(r).record
		told := func() string { return string(env.Redis(t).Get(p.ctx, key).Val()) }
		if !strings.Contains(told(), "-000003600000") {
			t.Fatalf("it went another way: %s", told())
		}
		near := func(what string, left time.Duration) {
			t.Helper()
			if left > p.lease+time.Second || left < p.lease-10*time.Second { // the server's clock may go in ticks
				t.Errorf("%s: %v are left of the lease", what, left)
			}
		}
		records, err := p.look(p.ctx, key)
		p.must(err)
		near("seen from outside", records[0].time("u").Sub(env.Redis(t).Time(p.ctx).Val()))
		other := quick(2)
		for range 2 { // the first look writes the time down
			found, err := p.Take(p.ctx, other)
			p.must(err)
			if found.Outcome != OutcomeBusy || found.Deserted {
				t.Fatalf("%+v", found)
			}
			near("for another event", found.Wait)
		}
		if strings.Contains(told(), "-0000") {
			t.Errorf("it is not written down: %s", told())
		}
	})
}

// Each step of an owner lets the record live as long as is promised, whatever time has passed since the last one.
func TestEachStepIsASight(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		r := quick(1)
		c := p.take(r, OutcomeTaken)
		key := p.keys(r).record
		lives := func(after string) {
			t.Helper()
			if left := env.Redis(t).PTTL(p.ctx, key).Val(); left < p.ttl-time.Second {
				t.Errorf("after %s it lives for %v", after, left)
			}
			p.must(env.Redis(t).PExpire(p.ctx, key, p.ttl-10*time.Minute).Err())
		}
		p.must(c.Renew(p.ctx))
		lives("take and renew")
		p.must(c.Renew(p.ctx))
		lives("renew")
		p.must(c.Record(p.ctx, []byte("answer"), time.Time{}))
		lives("record")
		p.must(c.Publish(p.ctx))
		lives("publish")
	})
}

// The record of a claim that was made after others have had their answers grows no more.
func TestRoomForTheAnswer(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		for n, answer := range []int{700, 700, 680, 4} {
			for way := range 2 {
				r := quick(n)
				r.Token, r.New = fmt.Sprint("t/", n, way), way == 0
				found, err := p.Take(p.ctx, r)
				p.must(err)
				key := p.keys(r).record
				before := env.Redis(t).StrLen(p.ctx, key).Val()
				text := strings.Repeat("a", answer)
				p.must(found.Claim.Record(p.ctx, []byte(text), time.Time{}))
				p.must(found.Claim.Publish(p.ctx))
				if after := env.Redis(t).StrLen(p.ctx, key).Val(); (after > before) != (n == 0 && way == 0) {
					t.Errorf("answer %d.%d of %d bytes: %d bytes have become %d", n, way, answer, before, after)
				}
				again, err := p.Take(p.ctx, r)
				p.must(err)
				if again.Outcome != OutcomePublished || string(again.Answer) != text {
					t.Errorf("%+v", again)
				}
			}
		}
	})
}
