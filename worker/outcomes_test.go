package worker

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
)

const (
	create   = conomytest.EndpointCreatePaymentLink
	sessions = conomytest.EndpointCreateCheckoutSession
	list     = conomytest.EndpointListPaymentLinks
)

// each runs a test in a world of its own on each kind of server, beside others: most of the time a test waits.
func each(t *testing.T, run func(w *world)) {
	t.Helper()
	t.Parallel()
	testenv.Each(t, func(t *testing.T, env *testenv.Env) { run(newWorld(t, env, conomytest.Options{})) })
}

func (w *world) script(endpoint string, faults ...conomytest.Fault) {
	w.vendor.Script(conomytest.Match{Endpoint: endpoint}, faults...)
}

// letter is the only dead letter.
func (w *world) letter() *deadletter.Letter {
	w.t.Helper()
	all := w.letters()
	if len(all) != 1 {
		w.t.Fatalf("%d dead letters", len(all))
	}
	return all[0]
}

func raw(status int, body string) conomytest.Fault {
	return conomytest.Fault{Status: status, Body: body}
}

func TestVendorsAnswers(t *testing.T) {
	gateway := raw
	for _, c := range []struct {
		name   string
		faults []conomytest.Fault
		reason deadletter.Reason // "": a link is made
		calls  int               // creates
	}{
		{"400 documented", []conomytest.Fault{always(conomytest.Failure(400))}, deadletter.ReasonRejected, 1},
		{"403 documented", []conomytest.Fault{always(conomytest.Failure(403))}, deadletter.ReasonRejected, 1},
		{"404 documented", []conomytest.Fault{always(conomytest.Failure(404))}, deadletter.ReasonRejected, 1},
		{"422 documented", []conomytest.Fault{always(conomytest.Failure(422))}, deadletter.ReasonRejected, 1},
		{"501 documented", []conomytest.Fault{always(conomytest.Failure(501))}, deadletter.ReasonRejected, 1},
		{"400 of the older shape", []conomytest.Fault{always(raw(400, `{"statusCode":400,"error":"Bad Request","message":"no"}`))}, deadletter.ReasonRejected, 1},
		{"400 of a gateway", []conomytest.Fault{gateway(400, "<html>bad</html>")}, "", 2},
		{"403 of a gateway for ever", []conomytest.Fault{always(gateway(403, `{"message":"Forbidden"}`))}, deadletter.ReasonExhausted, 3},
		{"404 of a gateway", []conomytest.Fault{gateway(404, "")}, "", 2},
		{"422 of a gateway", []conomytest.Fault{gateway(422, "no")}, "", 2},
		{"501 of a gateway", []conomytest.Fault{gateway(501, "no")}, "", 2},
		{"500 twice", []conomytest.Fault{conomytest.Failure(500), conomytest.Failure(500)}, "", 3},
		{"500 for ever", []conomytest.Fault{always(conomytest.Failure(500))}, deadletter.ReasonExhausted, 3},
		{"502 HTML", []conomytest.Fault{gateway(502, "<html>")}, "", 2},
		{"redirect", []conomytest.Fault{{Status: 302, Headers: map[string]string{"Location": "http://127.0.0.1:1/"}}}, "", 2},
		{"cut", []conomytest.Fault{{Cut: true}}, "", 2},
		{"cut after the work", []conomytest.Fault{{AfterWork: true, Cut: true}}, "", 2},
		{"cut body", []conomytest.Fault{{AfterWork: true, CutBody: true}}, "", 2},
		{"500 after the work", []conomytest.Fault{{AfterWork: true, Status: 500}}, "", 2},
		{"201 without URL", []conomytest.Fault{raw(201, `{"id":"x","checkoutToken":"inv-1","status":"ACTIVE"}`)}, "", 2},
		{"201 of another token", []conomytest.Fault{raw(201, `{"id":"x","checkoutToken":"inv-2","status":"ACTIVE","url":"https://x/inv-2"}`)}, "", 2},
		{"201 of another amount", []conomytest.Fault{raw(201, `{"id":"x","checkoutToken":"inv-1","status":"ACTIVE","url":"https://x/inv-1","totalAmount":"1"}`)}, "", 2},
		{"201 HTML", []conomytest.Fault{raw(201, `<html>`)}, "", 2},
		{"201 too large", []conomytest.Fault{raw(201, `{"id":"`+strings.Repeat("x", 1<<20)+`"}`)}, "", 2},
		{"429 without a word", []conomytest.Fault{raw(429, "")}, "", 2},
		{"429 thrice", []conomytest.Fault{{Status: 429, Headers: map[string]string{"Retry-After": "0"}, Times: 4}}, "", 5},
		{"503 with Retry-After", []conomytest.Fault{{Status: 503, Headers: map[string]string{"Retry-After": "1"}}}, "", 2},
		{"401 once", []conomytest.Fault{conomytest.Failure(401)}, "", 2},
		{"409 with nothing to be found", []conomytest.Fault{always(conomytest.Failure(409))}, deadletter.ReasonConflict, 3},
		{"409 of a gateway", []conomytest.Fault{always(raw(409, "<html>"))}, deadletter.ReasonExhausted, 3},
		{"409 of a gateway once", []conomytest.Fault{raw(409, "<html>")}, "", 2},
		{"409 of another code", []conomytest.Fault{always(conomytest.Refusal(409, "99", "busy", "no"))}, deadletter.ReasonExhausted, 3},
		{"201 of other items", []conomytest.Fault{raw(201, `{"id":"x","checkoutToken":"inv-1","status":"ACTIVE","url":"https://x/inv-1","items":[{"totalAmount":"1"}]}`)}, "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(w *world) {
				w.script(create, c.faults...)
				w.start(nil)
				w.invoice("inv-1", `"customer":{"email":"jane@example.com"}`)
				w.settled()
				if n := w.vendor.Creates("inv-1"); n != c.calls {
					w.t.Errorf("%d creates, want %d", n, c.calls)
				}
				if c.reason == "" {
					w.count(1, 0, 1, 0)
					return
				}
				w.count(0, 0, 0, 1)
				l := w.letter()
				if l.Reason != c.reason || l.Attempts != c.calls || l.Token != "inv-1" || l.FirstAttempt.IsZero() || l.LastAttempt.Before(l.FirstAttempt) {
					w.t.Errorf("%+v", l)
				}
				f := w.failed()[0]
				if f.Reason != string(c.reason) || f.DeadLetter != "1" || f.CheckoutToken != "inv-1" || f.Kind != events.KindPaymentLink {
					w.t.Errorf("%+v", f)
				}
			})
		})
	}
}

func TestRejectedSaysWhatTheVendorSaid(t *testing.T) {
	each(t, func(w *world) {
		w.script(create, raw(422, `{"status":422,"code":"21","type":"failedPrecondition","detail":"jane@example.com is blocked","traceId":"trace-9"}`))
		w.start(nil)
		w.invoice("inv-1", `"customer":{"email":"jane@example.com"}`, `"invoiceId":"I-9"`)
		w.settled()
		l, f := w.letter(), w.failed()[0]
		if l.Status != 422 || l.Code != "21" || l.Type != "failedPrecondition" || l.TraceID != "trace-9" || l.Worker != "test" || !strings.Contains(l.Detail, "is blocked") {
			w.t.Errorf("%+v", l)
		}
		if strings.Contains(l.Detail, "jane@") || strings.Contains(f.Detail, "jane@") {
			w.t.Errorf("the payer shows: %q %q", l.Detail, f.Detail)
		}
		if f.Code != "21" || f.TraceID != "trace-9" || f.InvoiceID != "I-9" || f.FailedAt.IsZero() {
			w.t.Errorf("%+v", f)
		}
		// The token is free: another event with it is worked on.
		w.invoice("inv-1")
		w.settled()
		w.count(1, 0, 1, 1)
	})
}

func TestHangAfterTheWork(t *testing.T) {
	each(t, func(w *world) {
		w.script(create, conomytest.Fault{AfterWork: true, Hang: true})
		w.start(nil)
		w.invoice("inv-1")
		w.settled()
		w.count(1, 0, 1, 0)
	})
}

func TestLinkThatIsThereAlready(t *testing.T) {
	for _, c := range []struct {
		name, status, more string
		same               bool
	}{
		{"same terms", "", "", true},
		{"same terms, numbers written differently", "", `"destinations":[{"type":"ACCOUNT","amount":"12.500","account":{"accountNumber":"acc-1"}}]`, true},
		{"being paid", "PROCESSING_PAYMENT", "", true},
		{"expired", "EXPIRED", "", false},
		{"finished", "FINISHED", "", false},
		{"other owner field", "", `"destinations":[{"type":"ACCOUNT","amount":"12.5","account":{"accountNumber":"acc-1"},"name":"Shop"}]`, true},
		{"other amount", "", `"destinations":[{"type":"ACCOUNT","amount":"11","account":{"accountNumber":"acc-1"}}]`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(w *world) {
				w.makeLinkAtVendor("inv-1")
				if c.status != "" {
					w.vendor.SetStatus("inv-1", c.status)
				}
				w.start(nil)
				if c.more != "" {
					w.invoice("inv-1", c.more)
				} else {
					w.invoice("inv-1")
				}
				w.settled()
				if c.same {
					w.count(1, 0, 1, 0)
					return
				}
				w.count(1, 0, 0, 1)
				if l := w.letter(); l.Reason != deadletter.ReasonConflict {
					w.t.Errorf("%+v", l)
				}
			})
		})
	}
}

func TestSameTokenOtherTerms(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		w.invoice("inv-1")
		w.settled()
		w.publish(events.SubjectInvoiceIssued, nil, strings.Replace(invoiceData("inv-1"), "12.50", "13", 1))
		w.invoice("inv-1", `"owner":{"identityId":"owner-1"}`)
		w.settled()
		w.count(1, 0, 1, 1)
		if l := w.letter(); l.Reason != deadletter.ReasonConflict || !strings.Contains(l.Detail, "items[0].totalAmount") {
			w.t.Errorf("%+v", l)
		}
	})
}

func TestInvalidEventNamesItsFields(t *testing.T) {
	each(t, func(w *world) {
		w.settings.Merchant.OwnerIdentityID = ""
		w.start(nil)
		w.publish(events.SubjectInvoiceIssued, nats.Header{"Nats-Msg-Id": {"m-1"}}, `{"checkoutToken":"inv-1","currency":"usd","items":[{"preTaxAmount":1,"totalAmount":"x","description":"d"}],"invoiceId":"I-1"}`)
		w.invoice("inv-2")
		w.settled()
		w.count(0, 0, 0, 2)
		for _, l := range w.letters() {
			want := []string{"owner", "MERCHANT_OWNER_IDENTITY_ID"}
			if l.Token == "inv-1" {
				want = []string{"currency", "items[0].preTaxAmount", "items[0].totalAmount"}
			}
			for _, field := range want {
				if !strings.Contains(l.Detail, field) {
					w.t.Errorf("%q lacks %s", l.Detail, field)
				}
			}
			if l.Reason != deadletter.ReasonInvalidEvent || l.Attempts != 0 {
				w.t.Errorf("%+v", l)
			}
		}
		for _, f := range w.failed() {
			if f.CheckoutToken == "inv-1" && (f.CausationID != "m-1" || f.InvoiceID != "I-1") {
				w.t.Errorf("%+v", f)
			}
		}
	})
}

func TestSessionWaitsForItsLink(t *testing.T) {
	each(t, func(w *world) {
		w.settings.SessionWait = 20 * time.Second
		w.script(create, conomytest.Fault{Delay: conomytest.Delay(300 * time.Millisecond)})
		w.start(nil)
		w.session("inv-1", "r1")
		w.session("inv-2", "r1")
		w.eventually("the vendor was asked for a session", func() bool { return w.vendor.Calls(sessions) >= 2 })
		w.invoice("inv-1")
		w.invoice("inv-2")
		w.settled()
		w.count(2, 2, 4, 0)
	})
}

func TestSessionWithoutLinkIsRejectedAfterItsWait(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		started := time.Now()
		w.session("inv-1", "r1")
		w.settled()
		w.count(0, 0, 0, 1)
		if took := time.Since(started); took < w.settings.SessionWait {
			w.t.Errorf("waited %v only", took)
		}
		if l := w.letter(); l.Reason != deadletter.ReasonRejected || l.Code != "31" || l.Status != http.StatusNotFound {
			w.t.Errorf("%+v", l)
		}
	})
}

func TestSessionOfAnOldLinkIsRejectedAtOnce(t *testing.T) {
	each(t, func(w *world) {
		w.settings.SessionWait = 100 * time.Millisecond
		r := w.start(nil)
		w.invoice("inv-1")
		w.settled()
		w.eventually("the link is old", func() bool {
			link, err := r.claims.Link(w.t.Context(), "inv-1")
			return err == nil && link.Age >= w.settings.SessionWait
		})
		w.script(sessions, always(conomytest.Failure(404)))
		w.session("inv-1", "r1")
		w.settled()
		w.count(1, 0, 1, 1)
		if n := w.vendor.Calls(sessions); n != 1 {
			w.t.Errorf("%d calls", n)
		}
	})
}

func TestWrongCredentialsPause(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWorld(t, env, conomytest.Options{APIKey: "key-secret", ClientID: "client", ClientSecret: "right"})
		r := w.start(nil)
		for _, token := range []string{"a", "b", "c"} {
			w.invoice(token)
		}
		w.eventually("readiness fails", func() bool { return r.Ready() != nil })
		w.eventually("none has ended", func() bool { return w.open() == 3 }) // the server counts behind
		w.creds.Store(&conomy.Credentials{APIKey: "key-secret", ClientID: "client", ClientSecret: "right"})
		w.settled()
		w.count(3, 0, 3, 0)
		if err := r.Ready(); err != nil {
			t.Error(err)
		}
	})
}

func TestVendorDown(t *testing.T) {
	each(t, func(w *world) {
		const n = 60
		w.vendor.Script(conomytest.Match{PathContains: "payment-links"}, always(conomytest.Failure(503)))
		r := w.start(nil)
		for i := range n {
			w.invoice(string(rune('A'+i%26)) + strings.Repeat("x", i/26))
		}
		w.eventually("the circuit opens", r.circuit.isOpen)
		if err := r.Ready(); err != nil {
			w.t.Errorf("an open circuit is no fault of the worker's: %v", err)
		}
		w.eventually("what is not in a call is given back", func() bool { return len(r.tender.all()) == 0 })
		calls, probes := w.vendor.Calls(create), w.vendor.Calls(list)
		w.eventually("the vendor is probed", func() bool { return w.vendor.Calls(list) > probes+1 })
		if more := w.vendor.Calls(create) - calls; more > 0 {
			w.t.Errorf("%d creates with an open circuit", more)
		}
		w.vendor.ClearFaults()
		w.settled()
		w.count(n, 0, n, 0)
	})
}

func TestLonelyEventOpensTheCircuitRatherThanDie(t *testing.T) {
	each(t, func(w *world) {
		w.vendor.Script(conomytest.Match{}, always(conomytest.Fault{Cut: true}))
		r := w.start(nil)
		w.invoice("inv-1")
		w.eventually("the circuit opens", r.circuit.isOpen)
		w.vendor.ClearFaults()
		w.settled()
		w.count(1, 0, 1, 0)
	})
}
