package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
)

// ailment is one cause of dead letters.
type ailment struct {
	name, reason, code, gist string
	count                    int
	fault                    *conomytest.Fault         // of the vendor, for each of its tokens
	event                    func(token string) string // what is emitted
	before                   bool                      // its tokens have good links already
}

func ailments() []ailment {
	refused := func(status int, code, kind, detail string) *conomytest.Fault {
		f := conomytest.Refusal(status, code, kind, detail)
		f.Always = true
		return &f
	}
	good := func(token string) string { return invoiceOf(token, "10") }
	return []ailment{
		{name: "locked", reason: "rejected", code: "11", gist: "account # is locked", count: 120, fault: refused(400, "11", "invalidParam", "account 4711 is locked"), event: good},
		{name: "forbidden", reason: "rejected", code: "43", gist: "not enabled", count: 70, fault: refused(403, "43", "forbiddenOperation", "not enabled for this currency"), event: good},
		{name: "down", reason: "exhausted", code: "01", gist: "try later", count: 40, fault: refused(500, "01", "serverError", "try later"), event: good},
		{name: "unpriced", reason: "invalid_event", gist: "items", count: 110, event: func(token string) string {
			return fmt.Sprintf(`{"checkoutToken":%q,"currency":"USD","items":[]}`, token)
		}},
		{name: "misread", reason: "invalid_event", gist: "items[#].totalAmount", count: 80, event: func(token string) string {
			return strings.Replace(invoiceOf(token, "10"), `"totalAmount":"10"`, fmt.Sprintf(`"totalAmount":"%d,50"`, rand.IntN(1000)), 1)
		}},
		{name: "changed", reason: "conflict", gist: `"…" here, "…" there`, count: 80, before: true, event: func(token string) string {
			return invoiceOf(token, fmt.Sprint(11+rand.IntN(1000)))
		}},
	}
}

// fallIll makes the dead letters of all causes, in no order, and returns their tokens by cause.
func (c *clinic) fallIll(causes []ailment) map[string][]string {
	c.t.Helper()
	tokens, all, first := map[string][]string{}, []func(){}, 0
	for _, a := range causes {
		for i := range a.count {
			token := fmt.Sprintf("inv-%s-%d", a.name, i)
			tokens[a.name] = append(tokens[a.name], token)
			if a.fault != nil {
				c.vendor.Script(conomytest.Match{Token: token}, *a.fault)
			}
			if a.before {
				c.emit(events.SubjectInvoiceIssued, invoiceOf(token, "10"))
				first++
			}
			all = append(all, func() { c.emit(events.SubjectInvoiceIssued, a.event(token)) })
		}
	}
	c.eventually("the first links are told of", func() bool { return len(c.created()) == first && c.idle() })
	rand.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	for _, emit := range all {
		emit()
	}
	c.awaitLetters(len(all))
	return tokens
}

// TestSixCauses goes from five hundred dead letters to none, as whoever is on call would: find the causes, look at each,
// mend it, replay or give up.
func TestSixCauses(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := &clinic{outside: newOutside(t, env, conomytest.Options{}), env: env}
		c.process("--retry-attempts", "2")
		c.eventually("the consumers are made", func() bool {
			_, err := c.js.Consumer(t.Context(), events.StreamBilling, events.ConsumerInvoices)
			return err == nil
		})
		causes := ailments()
		total := 0
		for _, a := range causes {
			total += a.count
		}
		tokens := c.fallIll(causes)
		c.seeCauses(causes)
		c.seeToken(tokens["down"][7], deadletter.ReasonExhausted)

		c.allow() // what was the vendor's fault is over
		c.replayed(120, "--code", "11")
		c.replayed(70, "--code", "43", "--rate", "200")
		c.replayed(40, "--reason", "exhausted", "--canary", "5")

		misread := lines[lsLine](t, c.must("ls", "--token", "inv-misread-*", "-o", "json"))
		for _, l := range misread[:3] {
			if out := c.must("edit", l.ID, "--set", "items[0].totalAmount=10", "--wait", heard); !strings.Contains(out, "created") {
				t.Errorf("%s", out)
			}
		}
		c.givenUp(77, "--token", "inv-misread-*")
		c.givenUp(110, "--reason", "invalid_event")
		c.givenUp(80, "--reason", "conflict")

		if out := c.must("ls", "-o", "json"); out != "" {
			t.Errorf("left over:\n%s", out)
		}
		made := 80 + 120 + 70 + 40 + 3
		created, failed := c.results()
		c.once(created)
		c.once(failed)
		if len(created) != made || len(c.vendor.Links()) != made || len(failed) != total {
			t.Errorf("%d link.created and %d links, want %d; %d link.failed, want %d", len(created), len(c.vendor.Links()), made, len(failed), total)
		}
	})
}

// seeCauses finds each cause in the summary, with its count, its times and an example that is one of it.
func (c *clinic) seeCauses(causes []ailment) {
	c.t.Helper()
	groups := lines[causeLine](c.t, c.must("ls", "--group", "reason,code,detail", "-o", "json"))
	if len(groups) != len(causes) {
		c.t.Errorf("%d causes: %+v", len(groups), groups)
	}
	for _, a := range causes {
		i := slices.IndexFunc(groups, func(g causeLine) bool {
			return g.By["reason"] == a.reason && g.By["code"] == a.code && strings.Contains(g.By["detail"], a.gist) && g.Count == a.count
		})
		if i < 0 {
			c.t.Errorf("%s is not among the causes: %+v", a.name, groups)
			continue
		}
		g := groups[i]
		if g.First.IsZero() || !g.First.Before(g.Last) || time.Since(g.Last) > time.Hour {
			c.t.Errorf("%s: first %v, last %v", a.name, g.First, g.Last)
		}
		var shown struct {
			CheckoutToken string `json:"checkoutToken"`
		}
		if err := json.Unmarshal([]byte(c.must("show", g.Example, "-o", "json")), &shown); err != nil || !strings.HasPrefix(shown.CheckoutToken, "inv-"+a.name+"-") {
			c.t.Errorf("%s has the example %+v (%v)", a.name, shown, err)
		}
	}
}

// seeToken finds the one letter of a token.
func (c *clinic) seeToken(token string, reason deadletter.Reason) {
	c.t.Helper()
	if found := lines[lsLine](c.t, c.must("ls", "--token", token, "-o", "json")); len(found) != 1 || found[0].CheckoutToken != token || found[0].Reason != reason {
		c.t.Errorf("%s: %+v", token, found)
	}
}

// replayed replays n letters that become links.
func (c *clinic) replayed(n int, args ...string) {
	c.t.Helper()
	args = append([]string{"replay", "--yes", "--wait", heard, "-o", "json"}, args...)
	became := map[string]int{}
	for _, l := range lines[struct {
		Outcome string `json:"outcome"`
	}](c.t, c.must(args...)) {
		if l.Outcome != "" { // the other lines tell that one was sent
			became[l.Outcome]++
		}
	}
	if became["created"] != n || len(became) != 1 {
		c.t.Errorf("dlq %v: %v, want %d created", args, became, n)
	}
}

// givenUp discards n letters, each printed whole.
func (c *clinic) givenUp(n int, args ...string) {
	c.t.Helper()
	type whole struct {
		ID   string `json:"id"`
		Body string `json:"body"`
	}
	args = append([]string{"discard", "--yes", "--note", "OPS-1"}, args...)
	code, stdout, stderr := c.dlq(args...)
	printed := lines[whole](c.t, stdout)
	if code != exitDone || len(printed) != n || slices.ContainsFunc(printed, func(w whole) bool { return w.ID == "" || !strings.Contains(w.Body, "checkoutToken") }) {
		c.t.Errorf("dlq %v: exit code %d, %d printed, want %d", args, code, len(printed), n)
	}
	if !strings.Contains(stderr, `"note":"OPS-1"`) {
		c.t.Errorf("dlq %v: the note is not logged:\n%s", args, stderr)
	}
}
