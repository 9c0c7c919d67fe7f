package worker

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/terms"
	"github.com/linkworker/linkworker/worker/testenv"
)

var (
	merchantBefore = Merchant{
		OwnerIdentityID: "owner-1", AccountNumber: "acc-1", AccountIdentityID: "identity-1", PaymentMethods: []string{"CARD"},
		Duration: 3600, CustomerRequirements: []string{"email"}, SuccessURL: "https://shop.example/ok", FailedURL: "https://shop.example/no",
	}
	merchantEdited = Merchant{
		OwnerIdentityID: "owner-2", AccountNumber: "acc-2", AccountIdentityID: "identity-2", PaymentMethods: []string{"CASH", "CARD"},
		Duration: 60, CustomerRequirements: []string{"firstName"}, SuccessURL: "https://other.example/ok", FailedURL: "https://other.example/no",
	}
)

// TestDefaultsMayChangeBetweenCrashAndResume kills a worker in every gap and changes every default of the merchant before
// the next one goes on: whoever was claimed gets what was filled in then, in a first call, a further one, and in the
// comparison with a link that was made and not recorded.
func TestDefaultsMayChangeBetweenCrashAndResume(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]Merchant{"edited": merchantEdited, "removed": {}} {
		t.Run(name, func(t *testing.T) {
			p := plays[0]
			onStage(t, func(t *testing.T, env *testenv.Env) {
				// The answer to a create says nothing of what was asked for: what is told of it is what was recorded.
				s := newStage(t, env, conomytest.Options{Recipe: true}, p.inEveryGap("invoice", "retried", "answer-lost")...)
				s.settings.Merchant = merchantBefore
				s.raise()
				s.standInGaps().die()
				s.settings.Merchant = after
				s.live(nil)
				s.settled()
				unfilled := func(p *part) bool { return p.passed[stepTaken] == 0 && after.Duration == 0 }
				s.check(func(p *part) (tally, int) {
					if unfilled(p) {
						return buried, 0
					}
					return p.want, 0
				})
				told := s.created()
				for _, p := range s.parts {
					if unfilled(p) {
						continue
					}
					want := merchantBefore
					if p.passed[stepTaken] == 0 {
						want = after
					}
					s.checkAsked(p, &want)
					for _, link := range told[p.token] {
						if life := link.ExpiresAt.Sub(link.CreatedAt); life != time.Duration(want.Duration)*time.Second {
							t.Errorf("%s: told of a link for %v, want %d s", p, life, want.Duration)
						}
					}
				}
			}, p)
		})
	}
}

// checkAsked looks at what the vendor was asked for.
func (s *stage) checkAsked(p *part, m *Merchant) {
	s.t.Helper()
	link, _ := s.vendor.Link(p.token)
	var asked struct {
		Owner        struct{ IdentityID string }
		Destinations []struct {
			Identity struct{ IdentityID string }
			Account  struct{ AccountNumber string }
		}
		PaymentMethodsAllowed []string
		Duration              int64
		CustomerRequirements  []string
		SuccessURL, FailedURL string
	}
	if err := json.Unmarshal(link.Request, &asked); err != nil || len(asked.Destinations) != 1 {
		s.t.Fatalf("%s: %v, %s", p, err, link.Request)
	}
	got := Merchant{
		asked.Owner.IdentityID, asked.Destinations[0].Account.AccountNumber, asked.Destinations[0].Identity.IdentityID,
		asked.PaymentMethodsAllowed, asked.Duration, asked.CustomerRequirements, asked.SuccessURL, asked.FailedURL,
	}
	if !reflect.DeepEqual(got, *m) {
		s.t.Errorf("%s: asked for %+v, want %+v", p, got, *m)
	}
}

// TestDefaultMendedBetweenCrashAndResume: the claim of an invoice that could not be filled in has no terms; when the
// default is there at last, the event is not given up.
func TestDefaultMendedBetweenCrashAndResume(t *testing.T) {
	each(t, func(w *world) {
		w.ready()
		w.settings.Merchant.OwnerIdentityID = ""
		died := make(chan struct{})
		w.invoice("inv-1")
		w.start(dieAt(stepJudged, died))
		wait(w.t, died)
		w.settings.Merchant.OwnerIdentityID = "owner-1"
		w.start(nil)
		w.settled()
		w.count(1, 0, 1, 0)
	})
}

// TestClaimWithoutTheRest: a version that recorded the terms alone has left a claim.
func TestClaimWithoutTheRest(t *testing.T) {
	w := &Worker{settings: Settings{Merchant: merchantBefore}}
	d := &delivery{event: &events.Event{Invoice: &events.Invoice{CheckoutToken: "inv-1"}}, terms: &terms.Terms{Currency: "USD"}}
	r := w.linkRequest(d)
	if r.Duration != 3600 || !slices.Equal(r.PaymentMethodsAllowed, []string{"CARD"}) || r.SuccessURL != "https://shop.example/ok" {
		t.Errorf("%+v", r)
	}
}
