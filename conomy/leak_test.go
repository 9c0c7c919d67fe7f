package conomy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/conomy"
)

// private is what no output may show: credentials and the payer of linkRequest.
func private() []string {
	return []string{
		testKey, testID, testSecret, "ready-made", "Jane", "Quintero", "jane.quintero", "example.com>",
		"987654321", "98 765-4321", "12345678-5", "12.345.678-5", "Alameda", "1449",
	}
}

func wantNoLeak(t *testing.T, what, text string) {
	t.Helper()
	for _, value := range private() {
		if strings.Contains(text, value) {
			t.Errorf("%s shows %q: %.300s", what, value, text)
		}
	}
	if len(text) > 2000 {
		t.Errorf("%s is %d bytes long", what, len(text))
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }) {
		t.Errorf("%s has control characters: %q", what, text)
	}
}

// TestNoErrorLeaks: whatever the provider echoes, in whatever shape.
func TestNoErrorLeaks(t *testing.T) {
	echo := func(r *http.Request) string {
		body, _ := io.ReadAll(r.Body)
		text := string(body) + r.URL.String() + " \x00\x1b[31m " + testKey + " " + testSecret + " " + testID + " " +
			r.Header.Get("Authorization")
		if strings.Contains(string(body), "Quintero") {
			text = "jane.quintero@EXAMPLE.com JANE quintero +56987654321 (987654321) (98) 765-4321 98 765-4321 12345678-5 12.345.678-5 Alameda 1449, " +
				"jane.quintero%40example.com " + text
		}
		quoted, _ := json.Marshal(text + strings.Repeat(" and on", 1000))
		return string(quoted)
	}
	shapes := map[string]func(*http.Request) string{
		"new": func(r *http.Request) string {
			e := echo(r)
			return `{"code":` + e + `,"type":` + e + `,"detail":` + e + `,"traceId":` + e + `}`
		},
		"old": func(r *http.Request) string {
			return `{"statusCode":%d,"error":` + echo(r) + `,"message":` + echo(r) + `}`
		},
		"html": func(r *http.Request) string { return "<p>" + echo(r) },
		"created": func(r *http.Request) string {
			return `{"id":` + echo(r) + `,"checkoutToken":"t","url":` + echo(r) + `}`
		},
		"rubbish":  echo,
		"location": func(r *http.Request) string { return "" },
	}
	for name, shape := range shapes {
		for _, status := range []int{200, 201, 302, 400, 401, 403, 409, 422, 429, 500, 501, 503} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				var observed []string
				client := newClient(t, conomy.Config{
					BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.URL.Path == "/auth" && status%2 == 0 {
							_, _ = io.WriteString(w, `{"accessToken":"ready-made","expiresIn":60}`)
							return
						}
						w.Header().Set("Location", "http://"+testKey+"/"+testSecret)
						w.Header().Set("Content-Type", "application/json")
						w.WriteHeader(status)
						_, _ = io.WriteString(w, strings.Replace(shape(r), "%d", fmt.Sprint(status), 1))
					})),
					Observe: func(c conomy.Call) { observed = append(observed, fmt.Sprint(c.Endpoint, c.Status, c.Err)) },
				})
				ctx := context.Background()
				customer := linkRequest("t").Customer
				_, err1 := client.CreatePaymentLink(ctx, linkRequest("t"))
				_, err2 := client.CreateCheckoutSession(ctx, "t", &conomy.CheckoutSessionRequest{Customer: customer})
				_, err3 := client.ListPaymentLinks(ctx, conomy.PaymentLinkFilter{CustomerEmails: []string{customer.Email}})
				for _, err := range []error{err1, err2, err3} {
					if err == nil {
						t.Fatal("no error")
					}
					for _, verb := range []string{"%v", "%s", "%q", "%+v"} {
						wantNoLeak(t, "an error", fmt.Sprintf(verb, err))
					}
				}
				wantNoLeak(t, "a field", fmt.Sprintf("%+v", exported(t, err1)))
				for _, line := range observed {
					wantNoLeak(t, "a call", line)
				}
			})
		}
	}
}

func exported(t *testing.T, err error) []string {
	t.Helper()
	e, ok := err.(*conomy.Error)
	if !ok {
		t.Fatalf("%T", err)
	}
	return []string{e.Endpoint, e.Code, e.Type, e.Detail, e.TraceID}
}

// TestTransportErrorsLeakNothing: the address of a list holds a payer's e-mail.
func TestTransportErrorsLeakNothing(t *testing.T) {
	client := newClient(t, conomy.Config{
		BaseURL:     "http://127.0.0.1:1",
		Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "ready-made"},
	})
	_, err := client.ListPaymentLinks(context.Background(), conomy.PaymentLinkFilter{
		CustomerEmails: []string{"jane.quintero@example.com"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	wantNoLeak(t, "an error", err.Error())
}

// TestMaskLeavesSense: masking a payer's name must not eat other words.
func TestMaskLeavesSense(t *testing.T) {
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"status":400,"code":"11","detail":"Ann cannot plan: ann@example.com is taken, ANN"}`)
	})
	req := linkRequest("t")
	req.Customer = &conomy.Customer{FirstName: "Ann", Email: "ann@example.com"}
	_, err := client.CreatePaymentLink(context.Background(), req)
	e, ok := err.(*conomy.Error)
	if want := "*** cannot plan: *** is taken, ***"; !ok || e.Detail != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

// TestMaskLeavesWords: what callers branch on is not masked, whoever the payer
// and however short the credentials.
func TestMaskLeavesWords(t *testing.T) {
	const trace = "1449aaaa-1449-4449-9449-144914491449"
	client := newClient(t, conomy.Config{
		BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(409)
			_, _ = io.WriteString(w, `{"status":409,"code":"13","type":"alreadyExist","detail":"items[1] in 1449 identity","traceId":"`+trace+`"}`)
		})),
		Credentials: conomy.Credentials{APIKey: "id", AccessToken: "al"},
	})
	req := linkRequest("t")
	req.Customer = &conomy.Customer{FirstName: "alreadyExist", Address: &conomy.Address{StreetNumber: "13", Zipcode: "1449", Street: "1"}}
	_, err := client.CreatePaymentLink(context.Background(), req)
	e, ok := err.(*conomy.Error)
	if !ok || e.Code != conomy.CodeAlreadyExist || e.Type != "alreadyExist" || e.TraceID != trace ||
		e.Detail != "items[1] in *** identity" {
		t.Errorf("got %+v", err)
	}
}

// timeless leaves out the time, whose digits may be those of a house.
var timeless = &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}}

// TestSecretsPrintAsStars: in every way that Go prints values.
func TestSecretsPrintAsStars(t *testing.T) {
	creds := conomy.Credentials{APIKey: testKey, ClientID: testID, ClientSecret: testSecret, AccessToken: "ready-made"}
	client := newClient(t, conomy.Config{BaseURL: "https://api.example.com", Credentials: creds})
	cfg := conomy.Config{BaseURL: "https://api.example.com", Credentials: creds}
	req := linkRequest("t")
	session := &conomy.CheckoutSessionRequest{Customer: req.Customer}
	for _, v := range []any{creds, &creds, cfg, client, *req.Customer, req.Customer, *req.Customer.Address, session} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			wantNoLeak(t, fmt.Sprintf("%T %s", v, verb), fmt.Sprintf(verb, v))
		}
	}
	for _, v := range []any{creds, &creds, client, req, req.Customer, *req.Customer, req.Customer.Address, session} {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, timeless)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&out, timeless)).Info("x", "v", v)
		wantNoLeak(t, fmt.Sprintf("%T logged", v), out.String())
	}
	data, err := json.Marshal(creds)
	if err != nil {
		t.Fatal(err)
	}
	wantNoLeak(t, "JSON", string(data))
}

func TestConfigErrorsLeakNothing(t *testing.T) {
	for _, base := range []string{
		"https://u:" + testSecret + "@api.example.com", "http://[" + testSecret, "://" + testSecret, testSecret,
		"https://api.example.com/?key=" + testSecret, "https://api.example.com/#" + testSecret,
		"http://api.example.com", "http://10.0.0.1", "ftp://127.0.0.1", "https://", "",
	} {
		_, err := conomy.New(conomy.Config{BaseURL: base, Credentials: testCredentials, UserAgent: "a/1"})
		if err == nil {
			t.Errorf("%q was taken", base)
			continue
		}
		wantNoLeak(t, "an error", err.Error())
	}
	_, err := conomy.New(conomy.Config{BaseURL: "x", Timeout: -1, UserAgent: "a\nb", Credentials: conomy.Credentials{APIKey: "\x00", ClientID: testID}})
	for _, part := range []string{"BaseURL", "UserAgent", "Timeout", "APIKey", "ClientSecret"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not named in %v", part, err)
		}
	}
}

func TestBaseURLs(t *testing.T) {
	for _, base := range []string{
		"https://api.conomyhq.com", "http://localhost:1", "http://127.3.2.1:99/x", "http://[::1]:80/sandbox/",
	} {
		if _, err := conomy.New(conomy.Config{BaseURL: base, Credentials: testCredentials, UserAgent: "a/1"}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
	allowed := conomy.Config{BaseURL: "http://sandbox:8080", AllowHTTP: true, Credentials: testCredentials, UserAgent: "a/1"}
	if _, err := conomy.New(allowed); err != nil {
		t.Error(err)
	}
}
