package conomytest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start puts a sandbox behind a server and a client before it.
func start(t *testing.T, opts conomytest.Options) (*conomytest.Server, *conomy.Client, string) {
	t.Helper()
	box := conomytest.New(opts)
	server := httptest.NewServer(box)
	client, err := conomy.New(conomy.Config{
		BaseURL: server.URL + "/sandbox", UserAgent: "test/1.0",
		Credentials: conomy.Credentials{APIKey: "key", ClientID: "id", ClientSecret: "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); box.Close(); server.Close() })
	return box, client, server.URL
}

func request(token string) *conomy.PaymentLinkRequest {
	return &conomy.PaymentLinkRequest{
		CheckoutToken:         token,
		Currency:              "CLP",
		Items:                 []conomy.Item{{PreTaxAmount: "100", TotalAmount: "119.50", Description: "Plan"}},
		PaymentMethodsAllowed: []string{"CARD"},
		Destinations: []conomy.Destination{{
			Type: "ACCOUNT", Amount: "119.50", Currency: "CLP",
			Identity: &conomy.Identity{IdentityID: "merchant"},
			Account:  &conomy.Account{AccountNumber: "100200300"},
		}},
		Duration: 3600,
		Owner:    conomy.Owner{IdentityID: "merchant"},
		Customer: &conomy.Customer{FirstName: "Jane", Email: "jane@example.com"},
	}
}

func mustCreate(t *testing.T, c *conomy.Client, token string) *conomy.PaymentLink {
	t.Helper()
	link, err := c.CreatePaymentLink(context.Background(), request(token))
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// wantCode wants the provider's error with this status and code.
func wantCode(t *testing.T, err error, status int, code string) {
	t.Helper()
	var e *conomy.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code || !e.Documented {
		t.Errorf("got %v, want %d with code %s", err, status, code)
	}
}

// raw makes a call with all headers right, but for changes.
type raw struct {
	method, url, body string
	header            map[string]string // "" removes
}

func (c raw) do(t *testing.T) (status int, header http.Header, body string) {
	t.Helper()
	req, err := http.NewRequest(c.method, c.url, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"X-Api-Key": {"key"}, "Conomyhq-Api-Version": {"24-04-2025"}, "User-Agent": {"test/1.0"},
		"Accept": {"application/json"}, "Authorization": {"Bearer own"},
	}
	if c.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
		if value == "" {
			req.Header.Del(name)
		}
	}
	if _, given := req.Header["User-Agent"]; !given {
		req.Header["User-Agent"] = []string{""} // else net/http adds its own
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(data)
}

func (c raw) wantCode(t *testing.T, status int, code string) {
	t.Helper()
	got, _, body := c.do(t)
	var e struct{ Code, Detail, TraceID string }
	if code != "" {
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.TraceID == "" || e.Detail == "" {
			t.Errorf("%s %s: %v in %s", c.method, c.url, err, body)
		}
	}
	if got != status || e.Code != code {
		t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.url, got, body, status, code)
	}
}

// body is the JSON of a good create, with one change: a path of keys, and what
// to put there; "delete" removes.
func body(t *testing.T, value any, path ...any) string {
	t.Helper()
	data, err := json.Marshal(request("t"))
	if err != nil {
		t.Fatal(err)
	}
	var root any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	at := root
	for i, key := range path {
		last := i == len(path)-1
		switch o := at.(type) {
		case map[string]any:
			name, _ := key.(string)
			switch {
			case last && value == "delete":
				delete(o, name)
			case last:
				o[name] = value
			}
			at = o[name]
		case []any:
			n, _ := key.(int)
			if last {
				o[n] = value
			}
			at = o[n]
		}
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(root); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }
