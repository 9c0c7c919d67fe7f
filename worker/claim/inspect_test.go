package claim

import (
	"context"
	"testing"
	"time"

	"github.com/linkworker/linkworker/worker/testenv"
)

// Looking changes nothing, not even how long a record is kept.
func TestInspect(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		ctx, rdb := context.Background(), env.Redis(t)
		s := New(rdb, env.Prefix, time.Hour, time.Minute)
		look := func(event string) Sight {
			t.Helper()
			sight, err := s.Inspect(ctx, "t/1", "", event)
			if err != nil {
				t.Fatal(err)
			}
			sight.Terms, sight.Answer = nil, nil
			return *sight
		}
		check := func(got, want Sight) {
			t.Helper()
			if got.State != want.State || got.Event != want.Event || got.AtWork != want.AtWork || got.Perished != want.Perished ||
				got.Dead != want.Dead || got.Letter != want.Letter || got.Link != want.Link {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		check(look("e"), Sight{})
		taken, err := s.Take(ctx, Request{Token: "t/1", Event: "e", Message: "B.1", Terms: []byte("{}")})
		if err != nil || taken.Claim == nil {
			t.Fatalf("%+v, error %v", taken, err)
		}
		check(look("e"), Sight{State: "claimed", Event: "e", AtWork: true, Link: "claimed"})
		if err := taken.Claim.Record(ctx, []byte("{}"), time.Now().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := taken.Claim.Publish(ctx); err != nil {
			t.Fatal(err)
		}
		key := s.recordKey("t/1", "")
		if err := rdb.PExpire(ctx, key, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		check(look("e"), Sight{State: "published", Event: "e", Perished: true, Link: "published"})
		if left := rdb.PTTL(ctx, key).Val(); left > time.Minute || left <= 0 {
			t.Errorf("it is kept for %v", left)
		}
		death := Death{Token: "t/1", Event: "f", Verdict: []byte("{}")}
		if _, err := s.Bury(ctx, death); err != nil {
			t.Fatal(err)
		}
		check(look("f"), Sight{State: "published", Event: "e", Perished: true, Dead: true, Link: "published"})
		death.Letter = "7"
		if _, err := s.Close(ctx, death); err != nil {
			t.Fatal(err)
		}
		check(look("f"), Sight{State: "published", Event: "e", Perished: true, Dead: true, Letter: "7", Link: "published"})
	})
}
