package bench

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
)

// The vendor answers as the worker's client expects it, a token twice with the refusal of the real one.
func TestVendor(t *testing.T) {
	vendor := NewVendor(time.Millisecond)
	server := httptest.NewServer(vendor)
	defer server.Close()
	client, err := conomy.New(conomy.Config{
		BaseURL: server.URL, UserAgent: "test/1", Timeout: 5 * time.Second, MaxConns: 1,
		Credentials: conomy.Credentials{APIKey: "k", ClientID: "c", ClientSecret: "s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := &conomy.PaymentLinkRequest{
		CheckoutToken: "token-1", Currency: "CLP", Items: []conomy.Item{{PreTaxAmount: "10", TotalAmount: "12.50", Description: "one"}},
	}
	link, err := client.CreatePaymentLink(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if link.CheckoutToken != "token-1" || link.URL == "" || link.ID == "" || link.TotalAmount != "12.50" {
		t.Errorf("link %+v", link)
	}
	if _, err := client.CreatePaymentLink(t.Context(), request); err == nil {
		t.Error("a second link for a token")
	}
	if want := (VendorCount{Links: 1, Refused: 1, Other: 1}); vendor.count != want {
		t.Errorf("counted %+v, want %+v", vendor.count, want)
	}
}

// The events are ones that the worker takes, of the size that was asked for, and each has a token of its own.
func TestCorpus(t *testing.T) {
	c, err := newCorpus("round", 600)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		msg, err := c.invoice(i, 0)
		if err != nil {
			t.Fatal(err)
		}
		event, err := events.Decode(msg.Subject, msg.Header, msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		if event.Invoice.CheckoutToken != c.token(i) || len(msg.Data) != 600 {
			t.Errorf("token %s, %d bytes", event.Invoice.CheckoutToken, len(msg.Data))
		}
		if msg, err = c.session(i, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := events.Decode(msg.Subject, msg.Header, msg.Data); err != nil {
			t.Error(err)
		}
	}
}

func TestFigures(t *testing.T) {
	times := make([]time.Duration, 100)
	for i := range times {
		times[len(times)-1-i] = time.Duration(i + 1)
	}
	for p, want := range map[int]time.Duration{50: 50, 90: 90, 99: 99, 100: 100} {
		if got := percentile(times, p); got != want {
			t.Errorf("percentile %d is %d", p, got)
		}
	}
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median %g", got)
	}
	// The ratio within each round counts: a machine that halves its speed between rounds changes none.
	s := Standing{Rounds: []Drain{{PerSecond: 80, CPU: 2}, {PerSecond: 40, CPU: 4}, {PerSecond: 8, CPU: 20}}}
	s.compare([]Drain{{PerSecond: 100, CPU: 1}, {PerSecond: 50, CPU: 2}, {PerSecond: 10, CPU: 10}})
	if s.Ratio != 0.8 || s.CPURatio != 2 {
		t.Errorf("ratios %g and %g", s.Ratio, s.CPURatio)
	}
}

// A vendor that takes its time gets a backlog that is worked off soon.
func TestBacklogFitsVendor(t *testing.T) {
	b := bench{Options: Options{Settings: Settings{Events: 20_000, Concurrency: 64, DrainFor: 10 * time.Second}}}
	for latency, want := range map[time.Duration]int{0: 20_000, 20 * time.Millisecond: 20_000, 150 * time.Millisecond: 4266} {
		if got := b.events(latency); got != want {
			t.Errorf("%v: %d events", latency, got)
		}
	}
}
