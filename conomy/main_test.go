package conomy_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testKey    = "key-4b1f0c"
	testID     = "client-77aa"
	testSecret = "s3cr3t-e2c9/+="
)

var testCredentials = conomy.Credentials{APIKey: testKey, ClientID: testID, ClientSecret: testSecret}

// serve puts a handler behind a real server.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// newClient makes a client that is closed with the test.
func newClient(t testing.TB, cfg conomy.Config) *conomy.Client {
	t.Helper()
	if cfg.Credentials == (conomy.Credentials{}) {
		cfg.Credentials = testCredentials
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "linkworker-test/1.0"
	}
	c, err := conomy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// sandbox makes an emulator behind a real server and a client of it.
func sandbox(t testing.TB, opts conomytest.Options, cfg conomy.Config) (*conomytest.Server, *conomy.Client) {
	t.Helper()
	box := conomytest.New(opts)
	cfg.BaseURL = serve(t, box) + "/sandbox"
	t.Cleanup(box.Close)
	return box, newClient(t, cfg)
}

// answering makes a client with a ready-made token of a server that answers all
// calls alike.
func answering(t testing.TB, h http.HandlerFunc) *conomy.Client {
	t.Helper()
	return newClient(t, conomy.Config{
		BaseURL:     serve(t, h),
		Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "ready-made"},
		Timeout:     5 * time.Second,
	})
}

// handlerTransport calls a handler without a network, for tests in a bubble of
// synthetic time.
type handlerTransport struct{ h http.Handler }

func (t handlerTransport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			resp, err = nil, cmp.Or(r.Context().Err(), io.ErrUnexpectedEOF)
		} else if v != nil {
			panic(v)
		}
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	t.h.ServeHTTP(w, r)
	return w.Result(), nil
}

func linkRequest(token string) *conomy.PaymentLinkRequest {
	return &conomy.PaymentLinkRequest{
		CheckoutToken: token,
		Currency:      "CLP",
		Items: []conomy.Item{
			{PreTaxAmount: "40000", TotalAmount: "47600", Description: "Plan <Pro> & more", Tax: &conomy.Tax{
				Name: "IVA", Type: "PERCENTAGE", Value: "19", Amount: "7600",
			}},
			{PreTaxAmount: "2390.50", TotalAmount: "2390.50", Description: "Envío"},
		},
		PaymentMethodsAllowed: []string{"CARD", "WEBPAY"},
		Destinations: []conomy.Destination{{
			Type: "ACCOUNT", Amount: "49990.50", Currency: "CLP",
			Identity: &conomy.Identity{IdentityID: "id-merchant"},
			Account:  &conomy.Account{AccountNumber: "100200300"},
		}},
		Duration: 86400,
		Owner:    conomy.Owner{IdentityID: "id-merchant"},
		Customer: &conomy.Customer{
			FirstName: "Jane", LastName: "Quintero", Email: "jane.quintero@example.com",
			PhoneNumber: "987654321", PhoneNumberPrefix: "+56", DocumentType: "RUT", DocumentNumber: "12345678-5",
			Address: &conomy.Address{Street: "Alameda", StreetNumber: "1449", Country: "CHL"},
		},
		CustomerRequirements: []string{"email"},
		SuccessURL:           "https://shop.example.com/ok?t=1&u=2",
		FailedURL:            "https://shop.example.com/failed",
	}
}

func create(t testing.TB, c *conomy.Client, token string) *conomy.PaymentLink {
	t.Helper()
	link, err := c.CreatePaymentLink(context.Background(), linkRequest(token))
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// observed makes a sandbox and an authenticated client that notes its calls.
func observed(t *testing.T, calls *[]string) (*conomytest.Server, *conomy.Client) {
	t.Helper()
	box, client := sandbox(t, conomytest.Options{}, conomy.Config{Observe: func(c conomy.Call) {
		*calls = append(*calls, fmt.Sprintf("%s %d %t", c.Endpoint, c.Status, c.Err == nil && c.Duration > 0))
	}})
	if err := client.Authenticate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return box, client
}
