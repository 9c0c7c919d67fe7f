package conomy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy"
)

// TestCreatedAnswers holds what is taken for a link and what is not.
func TestCreatedAnswers(t *testing.T) {
	const ours = `"checkoutToken":"t","url":"http://pay.example.com/t"`
	long := strings.Repeat("x", 3000)
	tests := map[string]struct {
		body string
		want string // part of the error, "" for none
	}{
		"recipe":            {`{"id":"1",` + ours + `,"status":"ACTIVE"}`, ""},
		"new status":        {`{"id":"1",` + ours + `,"status":"SLEEPING"}`, ""},
		"no id":             {`{` + ours + `}`, ""},
		"id a number":       {`{"id":17,` + ours + `}`, ""},
		"total equal":       {`{"id":"1",` + ours + `,"totalAmount":"49990.500"}`, ""},
		"total a number":    {`{"id":"1",` + ours + `,"totalAmount":49990.5}`, ""},
		"total an exponent": {`{"id":"1",` + ours + `,"totalAmount":4.99905E4}`, ""},
		"nulls":             {`{"id":"1",` + ours + `,"totalAmount":null,"items":null,"owner":null,"createdAt":null}`, ""},
		"unknown fields":    {`{"id":"1",` + ours + `,"customer":[1,{"a":null}],"x":{"y":[]}}`, ""},
		"time without end":  {`{"id":"1",` + ours + `,"createdAt":"9999-12-31T23:59:59-23:00","duration":9e15}`, ""},
		"time before all":   {`{"id":"1",` + ours + `,"createdAt":"0001-01-01T00:00:00+23:00"}`, ""},
		"unreadable time":   {`{"id":"1",` + ours + `,"createdAt":"yesterday","duration":"a day"}`, ""},

		"empty":                        {``, "JSON"},
		"html":                         {html, "JSON"},
		"list":                         {`[]`, "JSON"},
		"null":                         {`null`, "url"},
		"no fields":                    {`{}`, "url"},
		"cut json":                     {`{"id":"1",` + ours, "JSON"},
		"two objects":                  {`{"id":"1",` + ours + `}{}`, "JSON"},
		"duplicate names":              {`{"id":"1",` + ours + `,"url":"http://pay.example.com/other"}`, "JSON"},
		"names in other case":          {`{"ID":"1","CHECKOUTTOKEN":"t","URL":"http://pay.example.com/t"}`, "url"},
		"not utf-8":                    {`{"id":"` + "\xff" + `",` + ours + `}`, "JSON"},
		"no url":                       {`{"id":"1","checkoutToken":"t"}`, "no url"},
		"url an object":                {`{"id":"1","checkoutToken":"t","url":{}}`, "JSON"},
		"url relative":                 {`{"id":"1","checkoutToken":"t","url":"/t"}`, "absolute"},
		"url without host":             {`{"id":"1","checkoutToken":"t","url":"https:///t"}`, "absolute"},
		"url with a script":            {`{"id":"1","checkoutToken":"t","url":"javascript:alert(1)"}`, "absolute"},
		"url with data":                {`{"id":"1","checkoutToken":"t","url":"data:text/html,<script>alert(1)</script>"}`, "absolute"},
		"url of a file":                {`{"id":"1","checkoutToken":"t","url":"file:///etc/passwd"}`, "absolute"},
		"url with a scheme of its own": {`{"id":"1","checkoutToken":"t","url":"JavaScript://checkout.conomyhq.com/%0aalert(1)"}`, "absolute"},
		"url without scheme":           {`{"id":"1","checkoutToken":"t","url":"//a.example/t"}`, "absolute"},
		"url with backslashes":         {`{"id":"1","checkoutToken":"t","url":"https:\\\\a.example\\t"}`, "absolute"},
		"url with two hosts":           {`{"id":"1","checkoutToken":"t","url":"https://evil.example\\@checkout.conomyhq.com/t"}`, "absolute"},
		"url that turns":               {`{"id":"1","checkoutToken":"t","url":"https://a.example/\u202e/t"}`, "control"},
		"url with a gap":               {`{"id":"1","checkoutToken":"t","url":"https://a.exam\u200bple/t"}`, "control"},
		"url with an escape":           {`{"id":"1","checkoutToken":"t","url":"https://a.example/\u001b[2J"}`, "control"},
		"url with a user":              {`{"id":"1","checkoutToken":"t","url":"https://checkout.conomyhq.com@evil.example/t"}`, "user"},
		"url with a newline":           {`{"id":"1","checkoutToken":"t","url":"https://a.example/\n"}`, "control"},
		"url with a space":             {`{"id":"1","checkoutToken":"t","url":"https://a.example/ b"}`, "control"},
		"url too long":                 {`{"id":"1","checkoutToken":"t","url":"https://a.example/` + long + `"}`, "too long"},
		"no token":                     {`{"id":"1","url":"https://a.example/t"}`, "no checkoutToken"},
		"another token":                {`{"id":"1","checkoutToken":"T","url":"https://a.example/t"}`, "another checkoutToken"},
		"another amount":               {`{"id":"1",` + ours + `,"totalAmount":"49990.51"}`, "another totalAmount"},
		"amount rubbish":               {`{"id":"1",` + ours + `,"totalAmount":"lots"}`, "not a decimal"},
		"amount immense":               {`{"id":"1",` + ours + `,"totalAmount":"1e999999999"}`, "not a decimal"},
		"another currency":             {`{"id":"1",` + ours + `,"currency":"USD"}`, "another currency"},
		"id with a newline":            {`{"id":"1\n2",` + ours + `}`, "control"},
		"id too long":                  {`{"id":"` + long + `",` + ours + `}`, "too long"},
		"status too long":              {`{"id":"1",` + ours + `,"status":"` + long + `"}`, "too long"},
		"items a string":               {`{"id":"1",` + ours + `,"items":"none"}`, "JSON"},
		"above 1 MiB":                  {`{"id":"1",` + ours + `,"x":"` + strings.Repeat("x", 1<<20) + `"}`, "1 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, tt.body)
			})
			link, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
			if tt.want == "" {
				if err != nil || link.URL != "http://pay.example.com/t" || link.CheckoutToken != "t" {
					t.Fatalf("got %+v, %v", link, err)
				}
				return
			}
			wantError(t, err, verdict{conomy.KindNonsense, false, true, true})
			if link != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v, want %q", link, err, tt.want)
			}
		})
	}
}

const wholeLink = `{"id":"1","checkoutToken":"t","status":"ACTIVE","url":"https://a.example/t",
	"currency":"CLP","preTaxAmount":42390.5,"totalAmount":"49990.5",
	"items":[{"preTaxAmount":1,"totalAmount":"49990.5","description":"d","tax":null}],
	"destinations":[{"type":"ACCOUNT","amount":49990.5,"account":{"accountNumber":100200300}}],
	"owner":{"identityId":"o"},"createdAt":"2026-05-18T10:30:00.5-04:00","duration":86400.0}`

func TestLinkIsReadWhole(t *testing.T) {
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, wholeLink) })
	link, err := client.GetPaymentLink(context.Background(), "1")
	if err != nil {
		t.Fatal(err)
	}
	isWhole(t, link)
	if link.Items[0].PreTaxAmount != "1" || link.Items[0].Tax != nil || link.Owner.IdentityID != "o" ||
		link.Destinations[0].Amount != "49990.5" || link.Destinations[0].Account.AccountNumber != "100200300" {
		t.Errorf("got %+v", link)
	}
}

// TestCreatedLinkIsReadAsFarAsItIsNew: what it repeats of the request may be
// anything, but for what is compared.
func TestCreatedLinkIsReadAsFarAsItIsNew(t *testing.T) {
	for _, repeated := range []string{`"owner":{"identityId":"o"}`, `"owner":7`, `"owner":[null]`, `"owner":"o"`} {
		client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Replace(wholeLink, `"owner":{"identityId":"o"}`, repeated, 1))
		})
		link := create(t, client, "t")
		isWhole(t, link)
		if link.Owner != nil || link.Items != nil {
			t.Errorf("%s: got %+v", repeated, link)
		}
	}
}

// isWhole looks at what only the vendor knows.
func isWhole(t *testing.T, link *conomy.PaymentLink) {
	t.Helper()
	created := time.Date(2026, 5, 18, 14, 30, 0, 5e8, time.UTC)
	if link.ID != "1" || link.Status != "ACTIVE" || !link.CreatedAt.Equal(created) || link.Duration != 86400 ||
		link.PreTaxAmount != "42390.5" || link.TotalAmount != "49990.5" {
		t.Errorf("got %+v", link)
	}
}

// TestHTTPSOnly: where the provider is reached by https, a plain URL is not one
// to send payers to.
func TestHTTPSOnly(t *testing.T) {
	for url, good := range map[string]bool{"https://a.example/t": true, "http://a.example/t": false} {
		client := newClient(t, conomy.Config{
			BaseURL: "https://api.example.com/sandbox",
			Transport: handlerTransport{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"id":"1","checkoutToken":"t","url":"`+url+`"}`)
			})},
			Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"},
		})
		_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
		if (err == nil) != good {
			t.Errorf("%s: %v", url, err)
		}
		_, err = client.CreateCheckoutSession(context.Background(), "t", nil)
		if (err == nil) != good {
			t.Errorf("session %s: %v", url, err)
		}
	}
}

func TestSessionAnswers(t *testing.T) {
	tests := map[string]struct {
		body string
		good bool
	}{
		"recipe":        {`{"id":"1","checkoutToken":"a/b","status":"PENDING","expiresAt":"2026-05-18T11:00:00Z"}`, true},
		"with url":      {`{"id":"1","url":"https://a.example/s"}`, true},
		"url alone":     {`{"url":"https://a.example/s"}`, true},
		"no sense":      {`{"message":"ok"}`, false},
		"another token": {`{"id":"1","checkoutToken":"a"}`, false},
		"bad url":       {`{"id":"1","url":"a.example/s"}`, false},
		"token a list":  {`{"id":"1","checkoutToken":["a/b"]}`, false},
		"html":          {html, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := client.CreateCheckoutSession(context.Background(), "a/b", &conomy.CheckoutSessionRequest{})
			if tt.good && err != nil {
				t.Fatal(err)
			}
			if !tt.good {
				wantError(t, err, verdict{conomy.KindNonsense, false, true, true})
			}
		})
	}
}

// TestListSkipsBrokenEntries: one broken link must not hide the others.
func TestListSkipsBrokenEntries(t *testing.T) {
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"pagination":{"next":null,"total":"9"},"results":[
			{"id":"1","url":"https://a.example/1"}, "what", {"id":{}}, {"id":"2","url":"ftp://a.example"},
			{"id":"3","createdAt":"?"}, null]}`)
	})
	page, err := client.ListPaymentLinks(context.Background(), conomy.PaymentLinkFilter{Offset: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Links) != 2 || page.Links[1].ID != "3" || page.Unreadable != 4 || page.Total != 9 || page.NextOffset() != 8 {
		t.Errorf("got %+v", page)
	}
}

func TestListNonsense(t *testing.T) {
	for _, body := range []string{`{}`, `{"results":null}`, `{"results":{}}`, `[]`, html, ``} {
		client := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err := client.ListPaymentLinks(context.Background(), conomy.PaymentLinkFilter{})
		wantError(t, err, verdict{conomy.KindNonsense, false, true, true})
	}
}

// TestUnsendableRequests: what cannot be compared or written is refused before
// anything is sent, and not as an *Error.
func TestUnsendableRequests(t *testing.T) {
	client := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	ctx := context.Background()
	amounts, text := linkRequest("t"), linkRequest("t")
	amounts.Items[1].TotalAmount = "ten-jane"
	text.Customer.FirstName = "Ja\xffne"
	_, err1 := client.CreatePaymentLink(ctx, amounts)
	_, err2 := client.CreatePaymentLink(ctx, text)
	_, err3 := client.CreateCheckoutSession(ctx, "", nil)
	_, err4 := client.GetPaymentLink(ctx, "")
	for _, err := range []error{err1, err2, err3, err4} {
		var e *conomy.Error
		if err == nil || errors.As(err, &e) || strings.Contains(strings.ToLower(err.Error()), "jane") {
			t.Errorf("got %v", err)
		}
	}
}
