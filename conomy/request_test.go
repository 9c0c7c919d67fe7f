package conomy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/conomy"
)

// TestRequests holds each request, byte for byte, to its golden file. Write them
// anew with -update.
func TestRequests(t *testing.T) {
	ctx := context.Background()
	minimal := &conomy.PaymentLinkRequest{
		CheckoutToken: "t", Currency: "USD", Duration: 30,
		Items: []conomy.Item{{PreTaxAmount: "1", TotalAmount: "1"}},
		Owner: conomy.Owner{IdentityID: "o"},
	}
	full := linkRequest("invoice/1001 ñ")
	full.Destinations[0].Name, full.Destinations[0].ExternalID = "Main", "ext-1"
	full.Destinations[0].Metadata = &conomy.DestinationMetadata{Image: "i", Description: "d", Category: "c"}
	full.Destinations[0].Account = &conomy.Account{
		AccountNumber: "1", Type: "CHECKING", Currency: "CLP", AccountHolder: "H",
	}
	full.Owner = conomy.Owner{
		IdentityID: "o", Name: "n", Lastname: "l", Nickname: "k", DocumentNumber: "1-9", EntityType: "COMPANY",
	}
	calls := map[string]func(c *conomy.Client) error{
		"auth":           func(c *conomy.Client) error { return c.Authenticate(ctx) },
		"create_full":    func(c *conomy.Client) error { _, err := c.CreatePaymentLink(ctx, full); return err },
		"create_minimal": func(c *conomy.Client) error { _, err := c.CreatePaymentLink(ctx, minimal); return err },
		"get":            func(c *conomy.Client) error { _, err := c.GetPaymentLink(ctx, "a/b"); return err },
		"list": func(c *conomy.Client) error {
			_, err := c.ListPaymentLinks(ctx, conomy.PaymentLinkFilter{})
			return err
		},
		"session_no_customer": func(c *conomy.Client) error { _, err := c.CreateCheckoutSession(ctx, "t", nil); return err },
		"session": func(c *conomy.Client) error {
			_, err := c.CreateCheckoutSession(ctx, "invoice/1001 ñ", &conomy.CheckoutSessionRequest{
				Customer: &conomy.Customer{FirstName: "Jane", Email: "jane@example.com"},
			})
			return err
		},
		"list_filtered": func(c *conomy.Client) error {
			_, err := c.ListPaymentLinks(ctx, conomy.PaymentLinkFilter{
				IDs: []string{"1", "2"}, Statuses: []string{"ACTIVE"}, AccountNumbers: []string{"100 200"},
				CustomerEmails: []string{"jane+x@example.com"}, OwnerIdentityIDs: []string{"o&o"}, Limit: 50, Offset: 100,
			})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			var got string
			client := newClient(t, conomy.Config{BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/sandbox/auth" {
					_, _ = io.WriteString(w, `{"accessToken":"token-1","expiresIn":60}`)
				} else {
					w.WriteHeader(http.StatusTeapot)
				}
				got = dump(r)
			})) + "/sandbox/"})
			_ = call(client) // what comes back is tested elsewhere
			golden(t, name, got)
		})
	}
}

// dump writes a request as it came, headers sorted, the body indented.
func dump(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.RequestURI)
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.Header[name], " | "))
	}
	body, _ := io.ReadAll(r.Body)
	if len(body) > 0 {
		var indented bytes.Buffer
		if json.Indent(&indented, body, "", "  ") != nil {
			indented.Write(body)
		}
		fmt.Fprintf(&b, "\n%s\n", indented.String())
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "requests", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// TestTokensInPaths: any token is one segment, and arrives as it is.
func TestTokensInPaths(t *testing.T) {
	tests := map[string]string{
		"invoice-1001":  "invoice-1001",
		"a.b_c~d-E9":    "a.b_c~d-E9",
		"a/b":           "a%2Fb",
		"/":             "%2F",
		"a//b":          "a%2F%2Fb",
		".":             "%2E",
		"..":            "%2E%2E",
		"...":           "%2E%2E%2E",
		"../../auth":    "..%2F..%2Fauth",
		"a b+c":         "a%20b%2Bc",
		"%2F":           "%252F",
		"%":             "%25",
		"?x=1#y":        "%3Fx%3D1%23y",
		"ñ€😀":           "%C3%B1%E2%82%AC%F0%9F%98%80",
		"a\\b;c,d:e@f":  "a%5Cb%3Bc%2Cd%3Ae%40f",
		"checkout\xff":  "checkout%FF",
		"{checkoutTok}": "%7BcheckoutTok%7D",
	}
	var uri, path string
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		uri, path = r.RequestURI, r.URL.Path
		_, _ = io.WriteString(w, `{"id":"1","url":"https://a.example/1"}`)
	})
	for token, escaped := range tests {
		if _, err := client.CreateCheckoutSession(context.Background(), token, nil); err != nil {
			t.Errorf("%q: %v", token, err)
		}
		if want := "/payment-links/token/" + escaped + "/checkout-sessions"; uri != want {
			t.Errorf("%q: sent %s, want %s", token, uri, want)
		}
		if want := "/payment-links/token/" + token + "/checkout-sessions"; path != want {
			t.Errorf("%q: arrived as %s", token, path)
		}
		if _, err := client.GetPaymentLink(context.Background(), token); err != nil || uri != "/payment-links/"+escaped {
			t.Errorf("%q: get sent %s, %v", token, uri, err)
		}
	}
}

// TestBasePathIsKept: an escaped path of the base URL stays as it is.
func TestBasePathIsKept(t *testing.T) {
	var uri string
	server := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { uri = r.RequestURI }))
	for base, want := range map[string]string{
		"":            "/payment-links/token/a%2Fb/checkout-sessions",
		"/":           "/payment-links/token/a%2Fb/checkout-sessions",
		"/sandbox":    "/sandbox/payment-links/token/a%2Fb/checkout-sessions",
		"/x%2Fy/s//":  "/x%2Fy/s/payment-links/token/a%2Fb/checkout-sessions",
		"/sp%20ace/s": "/sp%20ace/s/payment-links/token/a%2Fb/checkout-sessions",
	} {
		client := newClient(t, conomy.Config{
			BaseURL: server + base, Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"},
		})
		_, _ = client.CreateCheckoutSession(context.Background(), "a/b", nil)
		if uri != want {
			t.Errorf("%q: sent %s, want %s", base, uri, want)
		}
	}
}

func TestObserve(t *testing.T) {
	var calls []string
	box, client := observed(t, &calls)
	box.RevokeTokens()
	create(t, client, "t")
	_, _ = client.CreatePaymentLink(context.Background(), linkRequest("t"))
	_, _ = client.CreateCheckoutSession(context.Background(), "t", nil)
	_, _ = client.GetPaymentLink(context.Background(), "plink-1")
	want := []string{
		"auth 200 true", "create_payment_link 401 false", "auth 200 true", "create_payment_link 201 true",
		"create_payment_link 409 false", "create_checkout_session 201 true", "get_payment_link 200 true",
	}
	if !slices.Equal(calls, want) {
		t.Errorf("got %q, want %q", calls, want)
	}
}
