package claim_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/claim"
)

const (
	lease = 10 * time.Second
	ttl   = time.Hour
)

// store returns a store over the real scripts, with a Redis whose clock the test moves.
func store(t *testing.T) (*claim.Store, func(time.Duration), *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	now := time.UnixMilli(1_764_000_000_000)
	server.SetTime(now)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	pass := func(d time.Duration) {
		now = now.Add(d)
		server.SetTime(now)
		server.FastForward(d)
	}
	return claim.New(rdb, "test", ttl, lease), pass, server
}

func take(t *testing.T, s *claim.Store, r claim.Request) *claim.Result {
	t.Helper()
	res, err := s.Take(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func taken(t *testing.T, s *claim.Store, r claim.Request) *claim.Claim {
	t.Helper()
	res := take(t, s, r)
	if res.Outcome != claim.OutcomeTaken {
		t.Fatalf("take: %+v", res)
	}
	return res.Claim
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func lost(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, claim.ErrLost) {
		t.Fatalf("want ErrLost, got %v", err)
	}
}

func invoice(event string) claim.Request {
	return claim.Request{Token: "inv 1/ü", Event: event, Message: "BILLING.7", Terms: []byte(`{"currency":"USD"}`)}
}

func TestWayToPublished(t *testing.T) {
	s, _, _ := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	if string(c.Terms) != `{"currency":"USD"}` || c.Recorded || c.Tried.Attempts != 0 {
		t.Fatalf("%+v", c)
	}
	ok(t, c.Record(ctx, []byte(`{"url":"u"}`), time.Time{}))
	ok(t, c.Publish(ctx))
	ok(t, c.Publish(ctx)) // a repeated command whose answer was lost
	for _, event := range []string{"e1", "e2"} {
		res := take(t, s, invoice(event))
		if res.Outcome != claim.OutcomePublished || res.Event != "e1" || string(res.Answer) != `{"url":"u"}` || string(res.Terms) != `{"currency":"USD"}` {
			t.Fatalf("%s: %+v", event, res)
		}
	}
}

func TestHeldOffUntilTheLeaseEnds(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	first := taken(t, s, invoice("e1"))
	if res := take(t, s, invoice("e1")); res.Outcome != claim.OutcomeBusy || res.Deserted || res.Wait != lease {
		t.Fatalf("%+v", res)
	}
	pass(lease - time.Second)
	ok(t, first.Renew(ctx))
	pass(lease - time.Second)
	if res := take(t, s, invoice("e1")); res.Outcome != claim.OutcomeBusy || res.Wait != time.Second {
		t.Fatalf("%+v", res)
	}
	pass(2 * time.Second)
	second := taken(t, s, invoice("e1"))
	if second.Vanished != 0 || second.Tried.CutOff != 0 { // it was in no call
		t.Fatalf("%+v", second)
	}
	lost(t, first.Renew(ctx))
	lost(t, first.Record(ctx, []byte("x"), time.Time{}))
	lost(t, first.Publish(ctx))
	lost(t, first.Release(ctx))
	lost(t, first.Fail(ctx, 0, false))
	_, err := first.Bury(ctx, []byte("v"))
	lost(t, err)
	ok(t, second.Record(ctx, []byte("y"), time.Time{}))
	lost(t, first.Record(ctx, []byte("x"), time.Time{}))
	pass(2 * lease)
	third := taken(t, s, invoice("e1"))
	if !third.Recorded || string(third.Answer) != "y" || third.Vanished != 1 {
		t.Fatalf("%+v", third)
	}
	lost(t, second.Publish(ctx))
	ok(t, third.Publish(ctx))
}

func TestAnotherEventWaitsForTheFirst(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	pass(2 * lease)
	other := claim.Request{Token: "inv 1/ü", Event: "e2", Message: "BILLING.9", Terms: []byte(`{"currency":"EUR"}`)}
	res := take(t, s, other)
	if res.Outcome != claim.OutcomeBusy || !res.Deserted || res.Event != "e1" || res.Message != "BILLING.7" {
		t.Fatalf("%+v", res)
	}
	// Its event is known to have ended: the claim is free, and nothing of it is left.
	other.Ended = "e1"
	d := taken(t, s, other)
	if string(d.Terms) != `{"currency":"EUR"}` || d.Vanished != 0 {
		t.Fatalf("%+v", d)
	}
	lost(t, c.Renew(ctx))
}

func TestOrphanIsComparedBeforeItIsAdopted(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	ok(t, c.Record(ctx, []byte("link"), time.Time{}))
	pass(2 * lease)
	other := invoice("e2")
	if res := take(t, s, other); res.Outcome != claim.OutcomeBusy {
		t.Fatalf("%+v", res)
	}
	other.Ended = "e1"
	res := take(t, s, other)
	if res.Outcome != claim.OutcomeOrphan || string(res.Terms) != `{"currency":"USD"}` || string(res.Answer) != "link" {
		t.Fatalf("%+v", res)
	}
	ok(t, c.Renew(ctx)) // asking has taken nothing
	pass(2 * lease)
	other.Adopt = true
	if d := taken(t, s, other); !d.Recorded || string(d.Answer) != "link" {
		t.Fatalf("%+v", d)
	}
}

func TestFailKeepsWhatWasTried(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	first := time.UnixMilli(1_764_000_000_000)
	c.Tried = claim.Tried{Attempts: 3, First: first, Last: first.Add(time.Minute), Failure: []byte("503"), Waited: 7 * time.Second}
	ok(t, c.Fail(ctx, 30*time.Second, false))
	lost(t, c.Renew(ctx))
	res := take(t, s, invoice("e1"))
	if res.Outcome != claim.OutcomeLater || res.Wait != 30*time.Second {
		t.Fatalf("%+v", res)
	}
	if res := take(t, s, invoice("e2")); res.Outcome != claim.OutcomeBusy || !res.Deserted {
		t.Fatalf("%+v", res)
	}
	pass(30 * time.Second)
	d := taken(t, s, invoice("e1"))
	if d.Tried.Attempts != 3 || !d.Tried.First.Equal(first) || !d.Tried.Last.Equal(first.Add(time.Minute)) ||
		string(d.Tried.Failure) != "503" || d.Tried.Waited != 7*time.Second || d.Vanished != 0 {
		t.Fatalf("%+v", d.Tried)
	}
}

func TestDeadEventAndFreeToken(t *testing.T) {
	s, _, _ := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	grave, err := c.Bury(ctx, []byte("verdict"))
	ok(t, err)
	if grave.Letter != "" || string(grave.Verdict) != "verdict" {
		t.Fatalf("%+v", grave)
	}
	again, err := c.Bury(ctx, []byte("another verdict"))
	ok(t, err)
	if string(again.Verdict) != "verdict" {
		t.Fatal("an earlier verdict must win")
	}
	res := take(t, s, invoice("e1"))
	if res.Outcome != claim.OutcomeDead || string(res.Verdict) != "verdict" || res.Letter != "" {
		t.Fatalf("%+v", res)
	}
	taken(t, s, invoice("e1.1")) // a replay is another event, and the token is free
	_, err = s.Close(ctx, claim.Death{Token: "inv 1/ü", Event: "e1", Letter: "12"})
	ok(t, err)
	if res := take(t, s, invoice("e1")); res.Outcome != claim.OutcomeDead || res.Letter != "12" {
		t.Fatalf("%+v", res)
	}
}

func TestDeathNeverUndoesARecord(t *testing.T) {
	s, _, _ := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	ok(t, c.Record(ctx, []byte("link"), time.Time{}))
	_, err := c.Bury(ctx, []byte("panic"))
	ok(t, err)
	res := take(t, s, invoice("e2"))
	if res.Outcome != claim.OutcomeOrphan || string(res.Answer) != "link" {
		t.Fatalf("%+v", res)
	}
	// A conflicting event that dies touches only its own grave.
	_, err = s.Bury(ctx, claim.Death{Token: "inv 1/ü", Event: "e3", Verdict: []byte("conflict")})
	ok(t, err)
	again := invoice("e2")
	again.Adopt = true
	if d := taken(t, s, again); string(d.Answer) != "link" {
		t.Fatalf("%+v", d)
	}
}

func TestUnreadableEventHasAGrave(t *testing.T) {
	s, _, _ := store(t)
	ctx := context.Background()
	d, err := s.Bury(ctx, claim.Death{Event: "e1", Verdict: []byte("v")})
	ok(t, err)
	d.Letter = "5"
	for _, c := range []struct {
		by    string
		first bool
	}{{"one", true}, {"other", false}, {"one", true}} { // whose answer was lost, perhaps
		d.By = c.by
		first, err := s.Close(ctx, d)
		if ok(t, err); first != c.first {
			t.Errorf("%s was the first: %t", c.by, first)
		}
	}
	d, err = s.Bury(ctx, claim.Death{Event: "e1", Verdict: []byte("v2")})
	ok(t, err)
	if d.Letter != "5" || len(d.Verdict) != 0 {
		t.Fatalf("%+v", d)
	}
}

func TestPerishedSessionMakesRoom(t *testing.T) {
	s, pass, server := store(t)
	ctx := context.Background()
	ask := claim.Request{Token: "t", Identity: "customer.abc", Event: "e1", Message: "BILLING.1", Perishable: true}
	c := taken(t, s, ask)
	expires := time.UnixMilli(1_764_000_000_000).Add(time.Minute)
	ok(t, c.Record(ctx, []byte("s1"), expires))
	ok(t, c.Publish(ctx))
	other := ask
	other.Event = "e2"
	if res := take(t, s, other); res.Outcome != claim.OutcomePublished {
		t.Fatalf("%+v", res)
	}
	pass(2 * time.Minute)
	if res := take(t, s, ask); res.Outcome != claim.OutcomePublished {
		t.Fatal("the event itself, delivered again, has its outcome")
	}
	d := taken(t, s, other)
	if d.Generation != 1 || d.Recorded {
		t.Fatalf("%+v", d)
	}
	ok(t, d.Record(ctx, []byte("s2"), time.Time{}))
	ok(t, d.Publish(ctx))
	pass(ttl / 2)
	if res := take(t, s, ask); res.Outcome != claim.OutcomePublished || string(res.Answer) != "s2" {
		t.Fatalf("%+v", res)
	}
	_ = server
}

func TestSessionSeesItsLink(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	ask := claim.Request{Token: "t", Identity: "request.1", Event: "s1", Message: "BILLING.1"}
	c := taken(t, s, ask)
	if c.Link.State != "" {
		t.Fatalf("%+v", c.Link)
	}
	l := taken(t, s, claim.Request{Token: "t", Event: "e1", Message: "BILLING.2", Terms: []byte("{}")})
	if link, err := s.Link(ctx, "t"); err != nil || link.State != "claimed" {
		t.Fatalf("%+v %v", link, err)
	}
	ok(t, l.Record(ctx, []byte("link"), time.Time{}))
	pass(5 * time.Second)
	ok(t, c.Release(ctx))
	c = taken(t, s, ask)
	if c.Link.State != "recorded" || c.Link.Age != 5*time.Second || string(c.Link.Answer) != "link" {
		t.Fatalf("%+v", c.Link)
	}
}

func TestLastSightCounts(t *testing.T) {
	s, pass, server := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	ok(t, c.Record(ctx, []byte("link"), time.Time{}))
	ok(t, c.Publish(ctx))
	for range 3 {
		pass(ttl - time.Minute)
		if res := take(t, s, invoice("e2")); res.Outcome != claim.OutcomePublished {
			t.Fatalf("%+v", res)
		}
	}
	pass(ttl + time.Minute)
	if keys := server.Keys(); len(keys) != 0 {
		t.Fatalf("left behind: %v", keys)
	}
}

func TestFlushedRedisLosesTheClaim(t *testing.T) {
	s, _, server := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	server.FlushAll()
	lost(t, c.Record(ctx, []byte("link"), time.Time{}))
	lost(t, c.Renew(ctx))
	taken(t, s, invoice("e1"))
}

func TestRenewalOfAClaimThatIsGivenUpIsNoLoss(t *testing.T) {
	s, _, _ := store(t)
	ctx := context.Background()
	kept, given := taken(t, s, invoice("e1")), taken(t, s, claim.Request{Token: "b", Event: "e2", Message: "BILLING.8"})
	ok(t, given.Release(ctx))
	for i, err := range s.RenewAll(ctx, []*claim.Claim{kept, given}) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestTermsThatCouldNotBeFilledInBefore(t *testing.T) {
	s, pass, _ := store(t)
	empty := invoice("e1")
	empty.Terms = nil
	if c := taken(t, s, empty); len(c.Terms) != 0 {
		t.Fatalf("%s", c.Terms)
	}
	pass(2 * lease)
	if c := taken(t, s, invoice("e1")); string(c.Terms) != `{"currency":"USD"}` {
		t.Fatalf("%s", c.Terms)
	}
	pass(2 * lease)
	other := invoice("e1")
	other.Terms = []byte("others")
	if c := taken(t, s, other); string(c.Terms) != `{"currency":"USD"}` {
		t.Fatal("terms are fixed once")
	}
}

func TestHowLongAClaimIsDeserted(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	taken(t, s, invoice("e1"))
	since := func(want time.Duration) {
		t.Helper()
		if res := take(t, s, invoice("e2")); res.Outcome != claim.OutcomeBusy || res.Since != want {
			t.Fatalf("%+v", res)
		}
	}
	since(0) // at work
	pass(lease)
	since(0) // first found so now
	pass(time.Minute)
	since(time.Minute)
	c := taken(t, s, invoice("e1")) // its own event comes: all anew
	ok(t, c.Fail(ctx, 30*time.Second, false))
	since(0)
	pass(40 * time.Second)
	since(10 * time.Second) // counted from when its next attempt was due
}

func TestCallsThatWereCutOff(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	ok(t, taken(t, s, invoice("e1")).Begin(ctx))
	pass(lease + time.Second)
	second := taken(t, s, invoice("e1"))
	if second.Vanished != 1 || second.Tried.CutOff != 1 || second.Tried.First.IsZero() || !second.Tried.First.Equal(second.Tried.Last) {
		t.Fatalf("%+v", second)
	}
	ok(t, second.Begin(ctx))
	ok(t, second.Begin(ctx))
	pass(lease + time.Second)
	third := taken(t, s, invoice("e1"))
	if third.Vanished != 2 || third.Tried.CutOff != 2 || third.Tried.Last.Equal(third.Tried.First) {
		t.Fatalf("%+v", third)
	}
	lost(t, second.Renew(ctx))
	ok(t, third.Begin(ctx))
	third.Tried.Attempts = 1
	ok(t, third.Fail(ctx, 0, true)) // the call has an end
	pass(lease + time.Second)
	if c := taken(t, s, invoice("e1")); c.Vanished != 0 || c.Tried.CutOff != 2 || c.Tried.Attempts != 1 {
		t.Fatalf("%+v", c)
	}
}
