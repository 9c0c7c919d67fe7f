package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/story"
	"github.com/linkworker/linkworker/worker/testenv"
)

// told is a story as programs get it.
type told struct {
	facts   []story.Fact
	gaps    []story.Gap
	verdict verdictLine
	code    int
	stderr  string
}

// whats lists the facts without those places that were not asked for.
func (s *told) whats(places ...story.Place) string {
	var all []string
	for _, f := range s.facts {
		if len(places) == 0 || slices.Contains(places, f.Place) {
			all = append(all, string(f.What))
		}
	}
	return strings.Join(all, " ")
}

func (c *clinic) explain(args ...string) *told {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var out, errs buffer
	s := &told{}
	s.code = run(ctx, append([]string{"explain", "-o", "json"}, args...), c.environ, strings.NewReader(""), &out, &errs)
	s.stderr = errs.String()
	for line := range strings.Lines(out.String()) {
		var v struct {
			story.Fact
			Gap *story.Gap `json:"gap"`
			verdictLine
		}
		var f story.Fact
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			c.t.Fatalf("%v: %s", err, line)
		}
		switch {
		case v.Gap != nil:
			s.gaps = append(s.gaps, *v.Gap)
		case v.Outcome != "":
			s.verdict = lines[verdictLine](c.t, line)[0]
		default:
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				c.t.Fatal(err)
			}
			s.facts = append(s.facts, f)
		}
	}
	if s.verdict.Outcome == "" {
		c.t.Fatalf("no verdict: exit code %d\n%s\n%s", s.code, out.String(), s.stderr)
	}
	for i := 1; i < len(s.facts); i++ {
		if a, b := s.facts[i-1].Time, s.facts[i].Time; !b.IsZero() && b.Before(a.Truncate(time.Millisecond)) {
			c.t.Errorf("%v stands before %v:\n%s", a, b, out.String())
		}
	}
	return s
}

// expect holds a story to its verdict and to the facts of some places.
func (c *clinic) expect(s *told, outcome story.Outcome, text, whats string, places ...story.Place) {
	c.t.Helper()
	if s.code != exitDone || s.verdict.Outcome != outcome || !strings.Contains(s.verdict.Text, text) || s.whats(places...) != whats {
		all, err := json.MarshalIndent(s.facts, "", " ")
		c.t.Errorf("exit code %d, verdict %s: %s; want %s: %s; facts %q, want %q; gaps %v\n%s%v\n%s",
			s.code, s.verdict.Outcome, s.verdict.Text, outcome, text, s.whats(places...), whats, s.gaps, s.stderr, err, all)
	}
}

// awaitEnd waits until all that was emitted has ended.
func (c *clinic) awaitEnd() {
	c.t.Helper()
	c.eventually("all is worked on", func() bool {
		stream, err := c.js.Stream(context.Background(), events.StreamBilling)
		return err == nil && c.idle() && c.delivered() == stream.CachedInfo().State.LastSeq
	})
}

// delivered is up to where the events in BILLING have been delivered.
func (c *clinic) delivered() (last uint64) {
	for _, name := range []string{events.ConsumerInvoices, events.ConsumerSessions} {
		if consumer, err := c.js.Consumer(context.Background(), events.StreamBilling, name); err == nil {
			last = max(last, consumer.CachedInfo().Delivered.Stream)
		}
	}
	return last
}

func TestExplain(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		const odd = "shop 7/ü*?[\"\\\n{}\u202e"
		oddToken := strings.ReplaceAll(odd, "\n", "")
		person := `,"customer":{"firstName":"Jane","email":"jane@example.com"}`
		invoice := func(token, amount string) string {
			return strings.TrimSuffix(invoiceOf(token, amount), "}") + person + "}"
		}

		// A link, a duplicate of it, a conflict, two sessions.
		c.emit(events.SubjectInvoiceIssued, invoice(oddToken, "10"))
		c.awaitEnd()
		s := c.explain(oddToken)
		c.expect(s, story.OutcomeTold, "one link, told once", "arrived made recorded link_created")
		if len(s.gaps) > 0 || s.verdict.Messages != 2 || len(s.verdict.Read) < 4 || s.verdict.CheckoutToken != oddToken {
			t.Errorf("%+v, gaps %v", s.verdict, s.gaps)
		}
		c.emit(events.SubjectInvoiceIssued, invoice(oddToken, "10.0"))
		c.awaitEnd()
		c.expect(c.explain(oddToken), story.OutcomeTold, "one link, told once", "arrived made recorded link_created arrived duplicate")
		c.emit(events.SubjectInvoiceIssued, invoice(oddToken, "11"))
		for _, request := range []string{"visit-1", "visit 2"} {
			token, err := json.Marshal(oddToken)
			if err != nil {
				t.Fatal(err)
			}
			c.awaitEnd()
			c.emit(events.SubjectSessionRequested, fmt.Sprintf(`{"checkoutToken":%s,"requestId":%q%s}`, token, request, person))
		}
		c.awaitEnd()
		s = c.explain(oddToken)
		c.expect(s, story.OutcomeDead, "one link, told once; 2 sessions, each told once; dead letter 1 is open: conflict",
			"link_created dead_letter link_failed link_created link_created", story.PlaceLinks, story.PlaceDeadLetters)

		// Nothing of the payer is shown, and nothing that a terminal would act on.
		var out, errs buffer
		code := run(t.Context(), []string{"explain", oddToken}, c.environ, nil, &out, &errs)
		text := out.String()
		if code != exitDone || strings.Contains(text, "Jane") || strings.Contains(text, "jane@") || strings.Contains(text, "\u202e") ||
			!strings.Contains(text, "BILLING 1") || !strings.Contains(text, `shop 7/ü*?["\{}\u202e: one link, told once;`) {
			t.Errorf("exit code %d\n%s\n%s", code, text, errs.String())
		}

		// What Redis has forgotten is searched for, and the same story comes out of it but for the duplicate.
		before := s.whats(story.PlaceBilling, story.PlaceLinks, story.PlaceDeadLetters, story.PlaceVendor)
		env.FlushRedis(t)
		s = c.explain(oddToken)
		c.expect(s, story.OutcomeDead, "one link, told once; 2 sessions, each told once; dead letter 1 is open: conflict", before)
		if s.verdict.SearchedSince.IsZero() || !strings.Contains(s.stderr, "searching the stream BILLING") {
			t.Errorf("%+v\n%s", s.verdict, s.stderr)
		}
		c.expect(c.explain(oddToken, "--since", "0s", "--vendor=false"), story.OutcomeNever, "never seen, searched since", "")

		s = c.explain("no such token")
		c.expect(s, story.OutcomeNever, "never seen", "")
	})
}

// A dead letter, and the replay of it that becomes a link.
func TestExplainReplay(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		c.refuse()
		c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-1", "10"))
		c.awaitLetters(1)
		s := c.explain("inv-1")
		c.expect(s, story.OutcomeDead, "dead letter 1 is open: rejected, code 11", "arrived dead_letter link_failed")
		if len(s.gaps) != 1 || s.gaps[0].Place != story.PlaceVendor || !strings.Contains(s.gaps[0].Why, "no id of a link is known") {
			t.Errorf("gaps %v", s.gaps)
		}
		c.allow()
		c.must("replay", "1")
		c.eventually("it is a link", func() bool { return len(c.created()) == 2 && c.idle() })
		s = c.explain("inv-1")
		c.expect(s, story.OutcomeTold, "one link, told once", "arrived dead_letter link_failed replayed made recorded link_created",
			story.PlaceBilling, story.PlaceDeadLetters, story.PlaceLinks, story.PlaceVendor, story.PlaceRedis)
		for _, f := range s.facts {
			if f.What == story.WhatLetter && !strings.Contains(f.Text, "dead letter 1, which was replayed since: rejected, code 11") {
				t.Errorf("%+v", f)
			}
		}
	})
}

// A replay that fails again before it has a claim is part of the story, too.
func TestExplainReplayThatFailsAgain(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		c.emit(events.SubjectInvoiceIssued, `{"checkoutToken":"inv-1","currency":"usd"}`)
		c.awaitLetters(1)
		c.must("replay", "1")
		c.eventually("it has failed again", func() bool {
			letters := c.letters()
			return letters[2] != nil && c.idle()
		})
		s := c.explain("inv-1")
		c.expect(s, story.OutcomeDead, "dead letter 2 is open: invalid_event", "arrived dead_letter link_failed replayed dead_letter link_failed")
		// The records name each message, so that nothing has to be searched for.
		claims := claim.New(env.Redis(t), env.Prefix, time.Hour, time.Minute)
		memory, err := claims.Recall(t.Context(), "inv-1")
		if err != nil || len(memory.Events) != 2 {
			t.Fatalf("%+v, error %v", memory, err)
		}
		for _, e := range memory.Events {
			if !e.Dead || e.Told == 0 {
				t.Errorf("%+v", e)
			}
		}
		c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-2", "10"))
		c.awaitEnd()
		if memory, err = claims.Recall(t.Context(), "inv-2"); err != nil || memory.Link == nil || memory.Link.Told != 3 {
			t.Errorf("%+v, error %v", memory, err)
		}
		c.must("edit", "2", "--set", "currency=USD", "--set", `items=[{"preTaxAmount":"10","totalAmount":"10","description":"Plan"}]`, "--wait", heard)
		s = c.explain("inv-1")
		if s.verdict.Outcome != story.OutcomeTold || !slices.ContainsFunc(s.facts, func(f story.Fact) bool {
			return strings.HasPrefix(f.Text, "replay 2 with corrected data of the invoice.issued that came as BILLING 1, for 10 USD")
		}) {
			t.Errorf("%+v\n%+v", s.verdict, s.facts)
		}
		c.emit(events.SubjectInvoiceIssued, `{"checkoutToken":"inv-3","currency":"usd"}`)
		c.awaitLetters(1)
		c.must("discard", c.only(), "--yes")
		for _, f := range c.explain("inv-3").facts {
			if f.What == story.WhatLetter && !strings.Contains(f.Text, "which was replayed, corrected or discarded since: invalid_event") {
				t.Errorf("%+v", f)
			}
		}
	})
}

// Work that has not ended: a call that fails and is tried again, and an event that no worker has come to.
func TestExplainWorkInProgress(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := &clinic{outside: newOutside(t, env, conomytest.Options{}), env: env}
		c.environ = append(c.environ, "RETRY_INITIAL=30s")
		p := c.process()
		c.eventually("the consumers are made", func() bool {
			_, err := c.js.Consumer(t.Context(), events.StreamBilling, events.ConsumerSessions)
			return err == nil
		})
		failing := conomytest.Failure(500)
		failing.Always = true
		c.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}, failing)
		c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-1", "10"))
		var s *told
		c.eventually("the first try has failed", func() bool {
			s = c.explain("inv-1")
			return strings.Contains(s.whats(), "tried")
		})
		c.expect(s, story.OutcomeInWork, "the link is in work, next attempt at 20", "arrived tried due")
		p.kill()
		c.eventually("the server knows that nobody asks for events any more", func() bool {
			consumer, err := c.js.Consumer(t.Context(), events.StreamBilling, events.ConsumerInvoices)
			return err == nil && consumer.CachedInfo().NumWaiting == 0
		})
		c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-2", "10"))
		s = c.explain("inv-2")
		c.expect(s, story.OutcomeWaiting, "BILLING 2 waits: no worker has taken it in yet, 0 messages of the stream are before it", "arrived")
	})
}
