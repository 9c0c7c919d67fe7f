package worker

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// TestRubbish feeds the worker what nobody should send: each piece ends as one dead letter, and none holds the valid event
// behind it up.
func TestRubbish(t *testing.T) {
	each(t, func(w *world) {
		w.ready()
		rubbish := []*nats.Msg{
			{Header: nats.Header{"Status": {"409"}, "Description": {"Consumer Deleted"}}},
			{Header: nats.Header{"Status": {"503"}}},
			{Header: nats.Header{"Status": {"100"}}},
			{},
			{Data: []byte("null")},
			{Data: []byte("[]")},
			{Data: []byte("{")},
			{Data: []byte("\xff\xfe")},
			{Data: []byte(strings.Repeat("[", 10000))},
			{Data: []byte(`{"checkoutToken":"a","checkoutToken":"b"}`)},
			{Data: []byte(`{"checkoutToken":"` + strings.Repeat("x", 201) + `"}`)},
			{Data: []byte(`{"checkoutToken":"big","metadata":{"x":"` + strings.Repeat("x", 300<<10) + `"}}`)},
			{Data: []byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","data":7}`)},
			{Header: nats.Header{"Content-Type": {"application/cloudevents+json"}}, Data: []byte("x")},
			{Header: nats.Header{"Deadletter-Event": {"BILLING.1.1"}, "Deadletter-Replays": {"x"}}, Data: []byte("{}")},
		}
		for _, msg := range rubbish {
			for _, subject := range []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested} {
				w.publish(subject, msg.Header, string(msg.Data))
			}
		}
		w.invoice("good")
		w.start(nil)
		w.settled()
		w.count(1, 0, 1, 2*len(rubbish))
		for _, l := range w.letters() {
			if l.Reason != deadletter.ReasonInvalidEvent {
				t.Errorf("%+v", l)
			}
			if strings.Contains(string(l.Data), "xxxx") && l.Token == "" && !strings.Contains(l.Detail, "checkoutToken") {
				t.Errorf("the token of an event that is too large is lost: %q", l.Detail)
			}
		}
	})
}

// TestResultThatDoesNotFit: what comes back to the billing system may be larger than the server takes.
func TestResultThatDoesNotFit(t *testing.T) {
	each(t, func(w *world) {
		w.start(nil)
		limit := int(w.env.NATS(w.t).MaxPayload())
		frame := `{"checkoutToken":"big","currency":"USD","items":[],"invoiceId":"%s"}`
		w.publish(events.SubjectInvoiceIssued, nil, strings.Replace(frame, "%s", strings.Repeat("i", limit-len(frame)), 1))
		w.settled()
		w.count(0, 0, 0, 1)
		if f := w.failed()[0]; f.CheckoutToken != "big" || f.InvoiceID != "" || f.DeadLetter != "1" {
			w.t.Errorf("%+v", f)
		}
	})
}
