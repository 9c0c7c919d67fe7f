package claim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/testenv"
)

// manyWay is a hook that sees the scripts for many claims.
type manyWay struct {
	trips  atomic.Int64                  // pipelines that were sent
	count  atomic.Int64                  // of those scripts
	others atomic.Int64                  // of other scripts
	hold   atomic.Pointer[chan struct{}] // they wait until it is closed
	held   atomic.Int64                  // of how many claims the one is that waits
	refuse string                        // what those for more than one are answered
}

func (w *manyWay) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (w *manyWay) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if w.refused(cmd) {
			return cmd.Err()
		}
		return next(ctx, cmd)
	}
}

func (w *manyWay) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !greets(cmds) {
			w.trips.Add(1)
		}
		if cmds = slices.DeleteFunc(slices.Clone(cmds), w.refused); len(cmds) == 0 {
			return nil
		}
		return next(ctx, cmds)
	}
}

// refused counts the command and holds it up; it reports whether it has its answer and goes no further.
func (w *manyWay) refused(cmd redis.Cmder) bool {
	if !strings.HasPrefix(cmd.Name(), "eval") {
		return false
	}
	if !forMany(cmd) {
		w.others.Add(1)
		return false
	}
	w.count.Add(1)
	claims := cmd.Args()[2].(int)
	if hold := w.hold.Load(); hold != nil {
		w.held.Store(int64(claims))
		<-*hold
	}
	if w.refuse == "" || claims == 1 {
		return false
	}
	cmd.SetErr(answered(w.refuse))
	return true
}

// forMany reports whether the script is one of those, by its name or in full.
func forMany(cmd redis.Cmder) bool {
	script := cmd.Args()[1].(string)
	return script == recordEachScript.Hash() || script == publishEachScript.Hash() || strings.Contains(script, "ipairs(KEYS)")
}

// many are claims of one store, each of a token of its own.
type many struct {
	*past
	*manyWay
	store  *Store
	claims []*Claim
}

func takeMany(t *testing.T, p *past, env *testenv.Env, n int) *many {
	client := redis.NewClient(env.Redis(t).(*redis.Client).Options())
	t.Cleanup(func() { _ = client.Close() })
	m := &many{past: p, manyWay: new(manyWay)}
	client.AddHook(m.manyWay)
	m.store = New(client, env.Prefix, p.ttl, p.lease)
	// A machine may stand still for longer than a batch is waited for.
	m.store.errands.patience = time.Hour
	for i := range n {
		found, err := m.store.Take(p.ctx, m.request(i))
		p.must(err)
		m.claims = append(m.claims, found.Claim)
	}
	return m
}

func (m *many) request(i int) Request {
	r := quick(i)
	r.Token = fmt.Sprint("many/", i)
	return r
}

// all does a step of all claims: one that is held up on its way, the others while it is.
func (m *many) all(do func(i int, c *Claim) error) []error {
	errs, hold := make([]error, len(m.claims)), make(chan struct{})
	m.hold.Store(&hold)
	var asked sync.WaitGroup
	for i, c := range m.claims {
		asked.Go(func() { errs[i] = do(i, c) })
	}
	eventually(m.t, "all wait", func() bool { return int(m.held.Load())+m.store.errands.length() >= packed(m.claims) })
	m.hold.Store(nil)
	m.held.Store(0)
	close(hold)
	asked.Wait()
	return errs
}

// holdUp lets the next batch say that it is away, and wait.
func (m *many) holdUp(away, goOn chan struct{}) {
	carryOut, first := m.store.errands.carryOut, true
	m.store.errands.carryOut = func(ctx context.Context, errands []errand) {
		if first {
			first = false
			close(away)
			<-goOn
		}
		carryOut(ctx, errands)
	}
}

// packed is how many of them ask together.
func packed(claims []*Claim) (n int) {
	for _, c := range claims {
		if c.packed {
			n++
		}
	}
	return n
}

func (m *many) record(i int, c *Claim) error {
	return c.Record(m.ctx, fmt.Append(nil, "answer ", i), time.Time{})
}

func (m *many) publish(i int, c *Claim) error {
	c.Told = uint64(i + 1) // #nosec G115 -- small
	return c.Publish(m.ctx)
}

// state checks what is recorded of one.
func (m *many) state(i int, state string) {
	m.t.Helper()
	records, err := m.store.look(m.ctx, m.claims[i].record)
	m.must(err)
	if r := records[0]; r["s"] != state || r["e"] != m.request(i).Event || r["r"] != fmt.Sprint("answer ", i) ||
		state == "published" && r["q"] != fmt.Sprint(i+1) {
		m.t.Errorf("claim %d: %v", i, r)
	}
}

func TestStepsThatComeTogetherShareAScript(t *testing.T) {
	const n, lost, opened = 40, 7, 9
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		m := takeMany(t, p, env, n)
		// Another event has one of the records, and one is a hash, which its owner does not know.
		p.must(env.Redis(t).Del(p.ctx, m.claims[lost].record).Err())
		other := m.request(lost)
		other.Event = fmt.Sprintf("BILLING.%d.18.0", lost) // as long, so that everything lies where it lay
		found, err := m.store.Take(p.ctx, other)
		p.must(err)
		p.must(m.claims[opened].Fail(p.ctx, 0, true))
		m.claims[opened].packed = true

		for _, step := range []struct {
			state string
			do    func(int, *Claim) error
		}{{"recorded", m.record}, {"published", m.publish}} {
			before, others := m.count.Load(), m.others.Load()
			errs := m.all(step.do)
			// Two batches, and the first time the script itself; the two by themselves, and the script again.
			if sent, alone := m.count.Load()-before, m.others.Load()-others; sent > 3 || alone > 4 {
				t.Errorf("%s: %d scripts for many, %d for one, of %d claims", step.state, sent, alone, n)
			}
			for i, err := range errs {
				if i == lost {
					if !errors.Is(err, ErrLost) {
						t.Errorf("%s: one that is lost: %v", step.state, err)
					}
					continue
				}
				p.must(err)
				m.state(i, step.state)
			}
		}
		if err := m.record(lost, found.Claim); err != nil {
			t.Errorf("who took the record over: %v", err)
		}
	})
}

// Takes, records and publications share the round trip, also on a server that has forgotten the scripts.
func TestWhatIsAskedAtOnceTakesOneRoundTrip(t *testing.T) {
	const n = 12
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		m := takeMany(t, p, env, n)
		for i := range n / 3 {
			p.must(m.record(i, m.claims[i]))
		}
		p.must(env.Redis(t).ScriptFlush(p.ctx).Err())
		trips, away, goOn := m.trips.Load(), make(chan struct{}), make(chan struct{})
		m.holdUp(away, goOn)
		var asked sync.WaitGroup
		ask := func(what string, i int, do func(int, *Claim) error, c *Claim) {
			asked.Go(func() {
				if err := do(i, c); err != nil {
					t.Errorf("%s %d: %v", what, i, err)
				}
			})
		}
		take := func(i int, _ *Claim) error {
			found, err := m.store.Take(p.ctx, m.request(i))
			if err == nil && found.Outcome != OutcomeTaken {
				t.Errorf("take %d: %+v", i, found)
			}
			return err
		}
		ask("take", n, take, nil)
		<-away
		for i := range n / 3 {
			ask("publish", i, m.publish, m.claims[i])
			ask("record", n/3+i, m.record, m.claims[n/3+i])
			ask("take", n+1+i, take, nil)
		}
		eventually(t, "all wait", func() bool { return m.store.errands.length() == n })
		close(goOn)
		asked.Wait()
		if got := m.trips.Load() - trips; got != 2 { // the one that was held up, and all the others
			t.Errorf("%d pipelines", got)
		}
		for i := range n / 3 {
			m.state(i, "published")
			m.state(n/3+i, "recorded")
		}
	})
}

func TestRedisThatTakesNoScriptForMany(t *testing.T) {
	for _, refusal := range []string{
		"CROSSSLOT Keys in request don't hash to the same slot",
		"ERR 'EVALSHA' command keys must in same slot",
	} {
		eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
			m := takeMany(t, p, env, 5)
			m.refuse = refusal
			for i, err := range m.all(m.record) {
				p.must(err)
				m.state(i, "recorded")
			}
			before := m.count.Load()
			for i, c := range m.claims {
				p.must(m.record(i, c))
			}
			if m.count.Load() != before {
				t.Error("it was asked again")
			}
		})
	}
}

// A refusal that says how Redis is at this moment is none of such scripts.
func TestRedisThatIsReadOnlyForAMoment(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		m := takeMany(t, p, env, 5)
		m.refuse = "READONLY You can't write against a read only replica."
		for i, err := range m.all(m.record) {
			p.must(err)
			m.state(i, "recorded")
		}
		if m.store.records.apart.Load() != 0 {
			t.Error("it is not asked any more")
		}
	})
}

func TestAStepWhoseContextEndsOnTheWay(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		m := takeMany(t, p, env, 2)
		hold := make(chan struct{})
		m.hold.Store(&hold)
		ctx, cancel := context.WithCancel(p.ctx)
		ended := make(chan error, 1)
		go func() { ended <- m.claims[0].Record(ctx, []byte("answer 0"), time.Time{}) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
		m.hold.Store(nil)
		close(hold)
		for i, c := range m.claims { // whether it was done or not
			p.must(m.record(i, c))
			m.state(i, "recorded")
		}
	})
}

// What stands before several servers may send a script to the first key's, where the others are not found.
func TestAServerThatKnowsFewOfTheClaims(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		m := takeMany(t, p, env, 6)
		m.claims[0].packed = false // at once, and alone
		p.must(m.record(0, m.claims[0]))
		for _, c := range m.claims[2:] {
			c.headArg, c.headEndArg = 0, 27 // looked for elsewhere
		}
		for i, err := range m.all(m.record) {
			if i < 2 {
				p.must(err)
				m.state(i, "recorded")
			}
		}
		if m.store.records.apart.Load() == 0 {
			t.Error("it will be asked again at once")
		}
	})
}

func TestAPanicOnTheWayReachesAllWhoWait(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		client := redis.NewClient(env.Redis(t).(*redis.Client).Options())
		t.Cleanup(func() { _ = client.Close() })
		s := New(client, env.Prefix, p.ttl, p.lease)
		found, err := s.Take(p.ctx, quick(1))
		p.must(err)
		client.AddHook(panics{})
		for what, do := range map[string]func() error{
			"take":   func() error { _, err := s.Take(p.ctx, quick(2)); return err },
			"record": func() error { return found.Claim.Record(p.ctx, []byte("a"), time.Time{}) },
		} {
			if err := do(); err == nil || !strings.Contains(err.Error(), "panic") {
				t.Errorf("%s: error %v", what, err)
			}
		}
	})
}

// panics is a hook that does.
type panics struct{}

func (panics) DialHook(next redis.DialHook) redis.DialHook { return next }

func (panics) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error { panic("out of order") }
}

func (panics) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { panic("out of order") }
}

// Who is told to go before its turn leaves no claim behind.
func TestATakeThatEndsBeforeItsTurn(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		m := takeMany(t, p, env, 0)
		away, goOn := make(chan struct{}), make(chan struct{})
		m.holdUp(away, goOn)
		var asked sync.WaitGroup
		take := func(ctx context.Context, i int, want error) {
			asked.Go(func() {
				if _, err := m.store.Take(ctx, m.request(i)); !errors.Is(err, want) {
					t.Errorf("take %d: error %v", i, err)
				}
			})
		}
		take(p.ctx, 1, nil)
		<-away
		ctx, cancel := context.WithCancel(p.ctx)
		cancel()
		take(ctx, 2, context.Canceled)
		eventually(t, "the second waits for its turn", func() bool { return m.store.errands.length() == 1 })
		close(goOn)
		asked.Wait()
		found, err := m.store.Take(p.ctx, m.request(2))
		p.must(err)
		if found.Outcome != OutcomeTaken {
			t.Errorf("%+v", found)
		}
	})
}
