package conomytest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

// operations says which path of the document each endpoint is.
var operations = map[string]string{
	conomytest.EndpointAuth:                  "/auth",
	conomytest.EndpointCreatePaymentLink:     "/payment-links",
	conomytest.EndpointListPaymentLinks:      "/payment-links",
	conomytest.EndpointGetPaymentLink:        "/payment-links/{id}",
	conomytest.EndpointDeletePaymentLink:     "/payment-links/{id}",
	conomytest.EndpointActivatePaymentLink:   "/payment-links/{id}/activate",
	conomytest.EndpointCreateCheckoutSession: "/payment-links/token/{checkout-token}/checkout-sessions",
}

// document loads the provider's OpenAPI document from beside the project, or
// returns nil where it is not there.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
	path := filepath.Join(dir, "..", "shared", "conomy", "payment-api.yaml")
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	relax(t, doc)
	return doc
}

// relax takes back the two places where the document is stricter than the
// provider's own recipe, which is what its customers are told to send.
func relax(t *testing.T, doc *openapi3.T) {
	t.Helper()
	schemas := doc.Components.Schemas
	// The recipe's destinations name an account by its number alone.
	account := schemas["account-wrapper"].Value.Properties["account"].Value
	if len(account.Required) != 4 {
		t.Fatalf("the document's account requires %v: look at it again", account.Required)
	}
	account.Required = []string{"accountNumber"}
	// The list of payment methods grows, says its page.
	methods := schemas["payment-node-type"].Value
	if len(methods.Enum) == 0 {
		t.Fatal("the document has no list of payment methods: look at it again")
	}
	methods.Enum = nil
}

// referee stands between client and sandbox and holds both to the document.
type referee struct {
	errorf func(format string, args ...any)
	doc    *openapi3.T
	box    http.Handler
	mu     sync.Mutex
	seen   map[string]int // endpoint and status
}

func (f *referee) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.errorf("%v", err)
	}
	recorder := httptest.NewRecorder()
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.box.ServeHTTP(recorder, r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.judge(r, recorder)
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

func (f *referee) judge(r *http.Request, answer *httptest.ResponseRecorder) {
	endpoint, params := endpointOf(r)
	path := operations[endpoint]
	item := f.doc.Paths.Value(path)
	if item == nil || item.GetOperation(r.Method) == nil {
		f.errorf("%s %s is not in the document", r.Method, r.URL.Path)
		return
	}
	f.mu.Lock()
	f.seen[fmt.Sprint(endpoint, " ", answer.Code)]++
	f.mu.Unlock()
	options := &openapi3filter.Options{
		AuthenticationFunc: func(_ context.Context, in *openapi3filter.AuthenticationInput) error {
			if in.RequestValidationInput.Request.Header.Get("Authorization") == "" {
				return fmt.Errorf("no Authorization")
			}
			return nil
		},
		IncludeResponseStatus: true,
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Options: options, QueryParams: r.URL.Query(),
		Route: &routers.Route{
			Spec: f.doc, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method),
		},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		f.errorf("request %s %s: %v", r.Method, r.URL.EscapedPath(), err)
	}
	if answer.Code >= 300 {
		return // the document has the older shape of errors, and few statuses
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.Code, Header: answer.Header(), Options: options,
	}
	out.SetBodyBytes(answer.Body.Bytes())
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		f.errorf("answer %d to %s %s: %v\n%s", answer.Code, r.Method, r.URL.EscapedPath(), err, answer.Body)
	}
}

// endpointOf is the referee's own routing: it must not ask the sandbox.
func endpointOf(r *http.Request) (endpoint string, params map[string]string) {
	for _, p := range []struct{ method, pattern, endpoint string }{
		{"POST", "/auth", conomytest.EndpointAuth},
		{"POST", "/payment-links", conomytest.EndpointCreatePaymentLink},
		{"GET", "/payment-links", conomytest.EndpointListPaymentLinks},
		{"POST", "/payment-links/token/*/checkout-sessions", conomytest.EndpointCreateCheckoutSession},
		{"POST", "/payment-links/*/activate", conomytest.EndpointActivatePaymentLink},
		{"GET", "/payment-links/*", conomytest.EndpointGetPaymentLink},
		{"DELETE", "/payment-links/*", conomytest.EndpointDeletePaymentLink},
	} {
		if ok, err := filepath.Match(p.pattern, r.URL.EscapedPath()); err == nil && ok && r.Method == p.method {
			return p.endpoint, map[string]string{"id": "x", "checkout-token": "x"}
		}
	}
	return "", nil
}

// TestAgainstTheDocument makes every call in each form and holds requests and
// answers to the provider's OpenAPI document.
func TestAgainstTheDocument(t *testing.T) {
	doc := document(t)
	if doc == nil {
		t.Log("left out: the provider's OpenAPI document is not beside the project")
		return
	}
	box := conomytest.New(conomytest.Options{SessionURL: true, AccessToken: "own"})
	f := &referee{errorf: t.Errorf, doc: doc, box: box, seen: map[string]int{}}
	server := httptest.NewServer(f)
	client, err := conomy.New(conomy.Config{
		BaseURL: server.URL, UserAgent: "test/1.0",
		Credentials: conomy.Credentials{APIKey: "key", ClientID: "id", ClientSecret: "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); box.Close(); server.Close() })

	full := request("full/ñ")
	full.PaymentMethodsAllowed = []string{"CARD", "PIX", "SOMETHING_NEW"}
	full.Items = append(full.Items, conomy.Item{
		PreTaxAmount: "100", TotalAmount: "119", Description: "d",
		Tax: &conomy.Tax{Name: "IVA", Type: "PERCENTAGE", Value: "19", Amount: "19"},
	})
	full.Destinations[0].Name, full.Destinations[0].ExternalID = "n", "e"
	full.Destinations[0].Metadata = &conomy.DestinationMetadata{Image: "i", Description: "d", Category: "c"}
	full.Owner = conomy.Owner{
		IdentityID: "merchant", Name: "n", Lastname: "l", Nickname: "k", DocumentNumber: "1", EntityType: "t",
	}
	full.Customer = &conomy.Customer{
		FirstName: "Jane", LastName: "Q", Email: "jane@example.com", PhoneNumber: "9", PhoneNumberPrefix: "+56",
		DocumentType: "RUT", DocumentNumber: "1-9",
		Address: &conomy.Address{
			AdministrativeAreaLevel1: "a", AdministrativeAreaLevel2: "b", AdministrativeAreaLevel3: "c",
			Street: "s", StreetNumber: "1", OptionalAddress: "o", Country: "CHL", Zipcode: "z",
		},
	}
	full.CustomerRequirements = []string{"firstName", "email", "documentType"}
	full.SuccessURL, full.FailedURL = "https://a.example/ok", "https://a.example/no"
	plain := request("plain")
	plain.Customer = nil
	plain.Destinations[0].Currency, plain.Destinations[0].Identity = "", nil
	for _, req := range []*conomy.PaymentLinkRequest{full, plain} {
		link, err := client.CreatePaymentLink(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.GetPaymentLink(ctx, link.ID); err != nil {
			t.Error(err)
		}
		for _, s := range []*conomy.CheckoutSessionRequest{nil, {Customer: full.Customer}} {
			if _, err := client.CreateCheckoutSession(ctx, req.CheckoutToken, s); err != nil {
				t.Error(err)
			}
		}
		one := server.URL + "/payment-links/" + link.ID
		raw{method: "POST", url: one + "/activate"}.wantCode(t, 200, "")
	}
	for _, filter := range []conomy.PaymentLinkFilter{
		{}, {Limit: 1}, {Limit: 1, Offset: 1}, {Offset: 50}, {Limit: 50, OwnerIdentityIDs: []string{"merchant"}},
		{
			IDs: []string{"plink-1", "x"}, Statuses: []string{"ACTIVE"}, AccountNumbers: []string{"100200300"},
			CustomerEmails: []string{"jane@example.com"},
		},
	} {
		if _, err := client.ListPaymentLinks(ctx, filter); err != nil {
			t.Error(err)
		}
	}
	box.SetStatus("plain", conomytest.StatusExpired)
	raw{method: "DELETE", url: server.URL + "/payment-links/plink-2"}.wantCode(t, 204, "")
	_, err = client.GetPaymentLink(ctx, "plink-2")
	wantCode(t, err, 404, "31")

	for endpoint := range operations {
		status := map[string]int{
			conomytest.EndpointCreatePaymentLink:     201,
			conomytest.EndpointCreateCheckoutSession: 201,
			conomytest.EndpointDeletePaymentLink:     204,
		}[endpoint]
		if status == 0 {
			status = 200
		}
		if f.seen[fmt.Sprint(endpoint, " ", status)] == 0 {
			t.Errorf("%s was not judged: %v", endpoint, f.seen)
		}
	}
}

// TestTheRefereeSees: the test above could not fail if a wrong answer passed.
func TestTheRefereeSees(t *testing.T) {
	doc := document(t)
	if doc == nil {
		t.Log("left out: the provider's OpenAPI document is not beside the project")
		return
	}
	for name, answer := range map[string]string{
		"amount a number": `{"accessToken":"t","tokenType":"Bearer","expiresIn":"soon"}`,
		"field missing":   `{"accessToken":"t"}`,
	} {
		faults := 0
		f := &referee{errorf: func(string, ...any) { faults++ }, doc: doc, seen: map[string]int{}}
		r := httptest.NewRequest("POST", "/auth", bytes.NewBufferString(`{"clientId":"a","clientSecret":"b"}`))
		r.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {"k"}, "User-Agent": {"t/1"}}
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.WriteString(answer)
		f.judge(r, w)
		if faults != 1 {
			t.Errorf("%s: %d faults found", name, faults)
		}
	}
}
