package claim_test

import (
	"context"
	"testing"
	"time"

	"github.com/linkworker/linkworker/worker/claim"
)

// The number of a perished answer goes into the id of the next link.created: given twice, the second would be taken for a
// repetition of the first and never be told.
func TestGenerationOutlivesEndedClaims(t *testing.T) {
	ctx := context.Background()
	ask := func(event string) claim.Request {
		return claim.Request{Token: "t", Identity: "customer.abc", Event: event, Message: "BILLING.1", Perishable: true}
	}
	// perished leaves an answer that has expired.
	perished := func(t *testing.T, s *claim.Store, pass func(time.Duration)) {
		c := taken(t, s, ask("e1"))
		ok(t, c.Record(ctx, []byte("s1"), time.UnixMilli(1_764_000_000_000).Add(time.Minute)))
		ok(t, c.Publish(ctx))
		pass(2 * time.Minute)
	}
	t.Run("death", func(t *testing.T) {
		s, pass, _ := store(t)
		perished(t, s, pass)
		_, err := taken(t, s, ask("e2")).Bury(ctx, []byte("v"))
		ok(t, err)
		sight, err := s.Inspect(ctx, "t", "customer.abc", "e3")
		ok(t, err)
		if sight.State != "" || sight.AtWork {
			t.Fatalf("after the death of its event: %+v", sight)
		}
		if c := taken(t, s, ask("e3")); c.Generation != 1 {
			t.Fatalf("generation %d", c.Generation)
		}
	})
	t.Run("another event", func(t *testing.T) {
		s, pass, _ := store(t)
		perished(t, s, pass)
		ok(t, taken(t, s, ask("e2")).Release(ctx))
		next := ask("e3")
		next.Ended = "e2"
		if c := taken(t, s, next); c.Generation != 1 {
			t.Fatalf("generation %d", c.Generation)
		}
	})
}

// The owner counts its lease from the last answer that it heard.
func TestRecordAgainLengthensTheLease(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	ok(t, c.Record(ctx, []byte("a"), time.Time{}))
	pass(lease - time.Second)
	ok(t, c.Record(ctx, []byte("b"), time.Time{}))
	pass(lease - time.Second)
	if res := take(t, s, invoice("e1")); res.Outcome != claim.OutcomeBusy {
		t.Fatalf("%+v", res)
	}
}

// Between the sight of an orphan and its adoption its terms are compared: it must not go meanwhile.
func TestOrphanLivesOnWhenSeen(t *testing.T) {
	s, pass, _ := store(t)
	ctx := context.Background()
	c := taken(t, s, invoice("e1"))
	ok(t, c.Record(ctx, []byte("a"), time.Time{}))
	_, err := c.Bury(ctx, []byte("v"))
	ok(t, err)
	pass(ttl - time.Minute)
	ask := invoice("e2")
	if res := take(t, s, ask); res.Outcome != claim.OutcomeOrphan {
		t.Fatalf("%+v", res)
	}
	pass(ttl - time.Minute)
	ask.Adopt = true
	if c := taken(t, s, ask); string(c.Answer) != "a" {
		t.Fatalf("%+v", c)
	}
}
