package deadletter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/testenv"
)

// invoice is the replay of an invoice.
func invoice(token, data string) *Replay {
	l := full()
	l.Subject, l.Token, l.Data, l.Header, l.Identity = events.SubjectInvoiceIssued, token, []byte(data), nil, ""
	return &Replay{Letter: l, ID: 7, Origin: l.Origin().Next(""), Data: l.Data}
}

func TestForesee(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		ctx, rdb := t.Context(), env.Redis(t)
		claims := claim.New(rdb, env.Prefix, time.Hour, time.Hour)
		const terms = `{"currency":"USD","items":[{"preTaxAmount":"10.0","totalAmount":"12.5","description":"Plan"}],` +
			`"owner":{"identityId":"default"},"destinations":[{"type":"ACCOUNT","amount":"12.50"}]}`
		take := func(token, event string) *claim.Claim {
			t.Helper()
			found, err := claims.Take(ctx, claim.Request{Token: token, Event: event, Message: "BILLING.1", Terms: []byte(terms)})
			if err != nil || found.Claim == nil {
				t.Fatalf("%+v, error %v", found, err)
			}
			return found.Claim
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		recorded := func(token, event string) *claim.Claim {
			t.Helper()
			c := take(token, event)
			must(c.Record(ctx, []byte(`{"url":"https://x"}`), time.Time{}))
			return c
		}
		plain := func(token string) *Replay { return invoice(token, fmt.Sprintf(invoiceData, token)) }
		own := plain("any").Origin.ID()
		take("busy", "OTHER.1.1.0")
		recorded("made", "OTHER.2.1.0")
		must(recorded("told", "OTHER.3.1.0").Publish(ctx))
		must(recorded("mine", own).Publish(ctx))
		take("mine in work", own)
		_, err := recorded("orphan", "OTHER.4.1.0").Bury(ctx, []byte("{}"))
		must(err)
		_, err = claims.Bury(ctx, claim.Death{Token: "dead", Event: own, Verdict: []byte("{}")})
		must(err)
		_, err = claims.Close(ctx, claim.Death{Token: "dead", Event: own, Letter: "9"})
		must(err)

		split := `{"checkoutToken":"told","currency":"USD","items":[{"preTaxAmount":"10","totalAmount":"12.50","description":"Plan"}],"destinations":[{"type":"ACCOUNT"}]}`
		for name, tt := range map[string]struct {
			replay *Replay
			want   Prospect
			detail string
		}{
			"nothing known":      {plain("new"), ProspectCreate, "payment link"},
			"another at work":    {plain("busy"), ProspectWait, ""},
			"another's, made":    {plain("made"), ProspectWait, ""},
			"told":               {plain("told"), ProspectPublished, ""},
			"told, rest to one":  {invoice("told", split), ProspectPublished, ""},
			"other sum":          {invoice("told", strings.Replace(split, "12.50", "13", 1)), ProspectConflict, `destinations[0].amount: "13" here, "12.50" there; items[0].totalAmount: "13" here, "12.5" there`},
			"other owner":        {invoice("told", strings.TrimSuffix(split, "}")+`,"owner":{"identityId":"me"}}`), ProspectConflict, `owner.identityId: "me" here, "default" there`},
			"more items":         {invoice("told", strings.Replace(split, "[{", `[{"preTaxAmount":"1","totalAmount":"1","description":"b"},{`, 1)), ProspectConflict, "items: 2 here, 1 there"},
			"a payer's value":    {invoice("told", strings.Replace(strings.TrimSuffix(split, "}")+`,"customer":{"email":"jane@example.com"}}`, "Plan", "Plan of jane@example.com", 1)), ProspectConflict, `items[0].description: "Plan of ***" here, "Plan" there`},
			"nothing left":       {invoice("new", strings.Replace(split, `"}],"dest`, `"}],"destinations":[{"type":"ACCOUNT","amount":"12.50"},{"type":"ACCOUNT"}],"was`, 1)), ProspectInvalid, "destinations[1].amount is left out"},
			"sent and told":      {plain("mine"), ProspectSent, "published"},
			"sent, in work":      {plain("mine in work"), ProspectSent, "in work"},
			"made, and unheard":  {plain("orphan"), ProspectResume, ""},
			"sent and dead":      {plain("dead"), ProspectSent, "dead letter 9"},
			"invalid":            {invoice("new", `{"checkoutToken":"new"}`), ProspectInvalid, "currency is missing"},
			"invalid, and dead":  {invoice("dead", `{"checkoutToken":"dead"}`), ProspectSent, "dead letter 9"},
			"session":            {session(nil, `{"checkoutToken":"new","requestId":"r","customer":{"email":"a@b"}}`, "request.r"), ProspectCreate, "nothing is known here of its link"},
			"session, link busy": {session(nil, `{"checkoutToken":"busy","requestId":"r","customer":{"email":"a@b"}}`, "request.r"), ProspectCreate, "in work"},
		} {
			before, err := rdb.DBSize(ctx).Result()
			must(err)
			f, err := Foresee(ctx, claims, tt.replay)
			must(err)
			if f.Prospect != tt.want || !strings.Contains(f.Detail, tt.detail) {
				t.Errorf("%s: %+v", name, f)
			}
			if after, err := rdb.DBSize(ctx).Result(); err != nil || after != before {
				t.Errorf("%s: %d keys, before %d", name, after, before)
			}
		}
	})
}
