package worker

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

func TestInvoiceAndSession(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		w.publish(events.SubjectInvoiceIssued, nats.Header{"ce-id": {"42"}, "ce-source": {"/billing"}, "ce-specversion": {"1.0"}},
			invoiceData("inv-1", `"invoiceId":"I-1"`, `"metadata":{"a":"<b>"}`, `"customer":{"email":"jane@example.com","documentNumber":"123"}`))
		w.session("inv-1", "r1")
		w.settled()
		w.count(1, 1, 2, 0)
		link := w.created()["inv-1"][0]
		if link.Kind != events.KindPaymentLink || link.URL == "" || link.Amount != "12.5" && link.Amount != "12.50" ||
			link.CausationID != "/billing#42" || link.InvoiceID != "I-1" || string(link.Metadata) != `{"a":"<b>"}` ||
			link.Customer == nil || link.Customer.Email != "jane@example.com" || link.ExpiresAt.Sub(link.CreatedAt).Seconds() != 3600 {
			w.t.Errorf("%+v", link)
		}
	})
}

func TestDuplicates(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		for range 5 {
			w.invoice("inv-1")
			w.invoice("inv-1", `"duration":60`, `"customer":{"firstName":"Other"}`)
			w.session("inv-1", "r1")
			w.session("inv-1", "r2")
		}
		w.settled()
		w.count(1, 2, 3, 0)
		if n := w.vendor.Creates("inv-1"); n != 1 {
			w.t.Errorf("%d create calls", n)
		}
	})
}

func TestOddTokens(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		tokens := []string{"a/b", "a b", "ünïcødé-✓", "..", ".", "a/../b", "%2F", "a%2Fb", "?x=1#y", "sha256-00", "{a}", "*", ">", "a.b", " lead", "trail ", `"q"`, `\`, "+", "a,b"}
		for _, token := range tokens {
			w.invoice(token)
			w.session(token, "r/1 %2F")
		}
		w.settled()
		w.count(len(tokens), len(tokens), 2*len(tokens), 0)
		for _, token := range tokens {
			if n := len(w.created()[token]); n != 2 {
				w.t.Errorf("%q: %d", token, n)
			}
		}
	})
}
