package events_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

func jetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	js, stop, err := startJetStream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return js
}

func invoice(token string) *events.Invoice {
	return &events.Invoice{
		CheckoutToken: token, Currency: "CLP",
		Items: []events.Item{{PreTaxAmount: "100", TotalAmount: "119", Description: "Plan"}},
	}
}

// decodeLast reads the last event of a subject as the worker does.
func decodeLast(t *testing.T, js jetstream.JetStream, subject string) (*events.Event, *jetstream.RawStreamMsg) {
	t.Helper()
	stream, err := js.Stream(t.Context(), events.StreamBilling)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetLastMsgForSubject(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.Decode(msg.Subject, msg.Header, msg.Data)
	if err != nil {
		t.Fatal(err)
	}
	return e, msg
}

func TestPublishInvoice(t *testing.T) {
	js := jetStream(t)
	p := events.NewProducer(js, "/billing/ß")
	inv := invoice("inv/1 ü")
	inv.CustomerRequirements = []string{}
	first, err := p.PublishInvoice(t.Context(), inv)
	if err != nil || first.Duplicate {
		t.Fatalf("got %+v, %v", first, err)
	}
	again, err := p.PublishInvoice(t.Context(), inv)
	if err != nil || !again.Duplicate || again.Sequence != first.Sequence {
		t.Errorf("the repeat: got %+v, %v", again, err)
	}
	e, msg := decodeLast(t, js, events.SubjectInvoiceIssued)
	if e.Source != "/billing/ß" || e.ID != msg.Header.Get("Nats-Msg-Id") || e.Token() != "inv/1 ü" || e.Invoice.CustomerRequirements == nil {
		t.Errorf("got %+v", e)
	}
	inv.Items[0].TotalAmount = "120"
	corrected, err := p.PublishInvoice(t.Context(), inv)
	if err != nil || corrected.Duplicate {
		t.Errorf("the corrected one: got %+v, %v", corrected, err)
	}
}

func TestRequestSession(t *testing.T) {
	js := jetStream(t)
	p := events.NewProducer(js, "/billing")
	request := func(token, id string) *jetstream.PubAck {
		t.Helper()
		ack, err := p.RequestSession(t.Context(), &events.SessionRequest{CheckoutToken: token, RequestID: id, Customer: &events.Customer{Email: "jane@example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		return ack
	}
	for _, tt := range []struct {
		token, id string
		duplicate bool
	}{
		{"a", "r 1", false},
		{"a", "r 1", true},
		{"b", "r 1", false},
		{"a", "r 2", false},
		{"a", "", false},
		{"a", "", false},
	} {
		if ack := request(tt.token, tt.id); ack.Duplicate != tt.duplicate {
			t.Errorf("%q %q: got %+v", tt.token, tt.id, ack)
		}
	}
	e, _ := decodeLast(t, js, events.SubjectSessionRequested)
	if got := events.SessionIdentity(e, "m"); !strings.HasPrefix(got, "event./billing#session.requested:a:") {
		t.Errorf("got %s", got)
	}
}

func TestProducerPublishesNothingInvalid(t *testing.T) {
	js := jetStream(t)
	p := events.NewProducer(js, "/billing")
	inv := invoice("inv-1")
	inv.Items[0].TotalAmount = "1,5"
	inv.Currency = ""
	_, err := p.PublishInvoice(t.Context(), inv)
	invalid, ok := errors.AsType[*events.InvalidError](err)
	if !ok || len(invalid.Fields) != 2 {
		t.Errorf("got %v", err)
	}
	_, err = p.RequestSession(t.Context(), &events.SessionRequest{CheckoutToken: "a", Customer: &events.Customer{}})
	if _, ok := errors.AsType[*events.InvalidError](err); !ok {
		t.Errorf("got %v", err)
	}
	broken := invoice("inv-1")
	broken.Metadata = jsontext.Value(`{"jane"`)
	if _, err := p.PublishInvoice(t.Context(), broken); err == nil || strings.Contains(err.Error(), "jane") {
		t.Errorf("got %v", err)
	}
	if _, err := events.NewProducer(js, "").PublishInvoice(t.Context(), invoice("inv-1")); err == nil {
		t.Error("no source, no error")
	}
	stream, err := js.Stream(t.Context(), events.StreamBilling)
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d messages were published", n)
	}
}

func TestProducerTellsOfAMissingStream(t *testing.T) {
	js := jetStream(t)
	if err := js.DeleteStream(t.Context(), events.StreamBilling); err != nil {
		t.Fatal(err)
	}
	_, err := events.NewProducer(js, "/billing").PublishInvoice(t.Context(), invoice("inv-1"))
	if !errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Errorf("got %v", err)
	}
}
