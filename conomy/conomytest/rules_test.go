package conomytest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

var ctx = context.Background()

func TestUniqueTokens(t *testing.T) {
	box, client, _ := start(t, conomytest.Options{})
	var made, refused int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := client.CreatePaymentLink(ctx, request("one"))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
				return
			}
			refused++
			wantCode(t, err, http.StatusConflict, "13")
		})
	}
	all.Wait()
	if made != 1 || refused != 19 || len(box.Links()) != 1 || box.Creates("one") != 20 {
		t.Errorf("%d made, %d refused, %d links, %d creates", made, refused, len(box.Links()), box.Creates("one"))
	}
}

func TestRequiredHeaders(t *testing.T) {
	_, _, url := start(t, conomytest.Options{AccessToken: "own", APIKey: "key"})
	post := raw{method: "POST", url: url + "/payment-links", body: body(t, nil)}
	for name, tt := range map[string]struct {
		header, value string
		status        int
		code          string
	}{
		"no key":             {"X-Api-Key", "", 401, "41"},
		"wrong key":          {"X-Api-Key", "other", 401, "41"},
		"no authorization":   {"Authorization", "", 401, "41"},
		"no bearer":          {"Authorization", "own", 401, "41"},
		"wrong token":        {"Authorization", "Bearer other", 401, "41"},
		"no version":         {"Conomyhq-Api-Version", "", 400, "12"},
		"wrong version":      {"Conomyhq-Api-Version", "2025-04-24", 400, "11"},
		"no user agent":      {"User-Agent", "", 400, "12"},
		"nameless agent":     {"User-Agent", "curl", 400, "11"},
		"no accept":          {"Accept", "", 400, "12"},
		"wants html":         {"Accept", "text/html", 400, "11"},
		"no content type":    {"Content-Type", "", 400, "11"},
		"wrong content type": {"Content-Type", "text/plain", 400, "11"},
	} {
		t.Run(name, func(t *testing.T) {
			c := post
			c.header = map[string]string{tt.header: tt.value}
			c.wantCode(t, tt.status, tt.code)
		})
	}
	post.wantCode(t, 201, "")
}

func TestRequestValidation(t *testing.T) {
	box, _, url := start(t, conomytest.Options{AccessToken: "own"})
	long := strings.Repeat("x", 201)
	for name, tt := range map[string]struct {
		body string
		code string
	}{
		"not json":             {`{`, "14"},
		"a list":               {`[]`, "14"},
		"duplicate names":      {`{"a":1,"a":2}`, "14"},
		"no token":             {body(t, "delete", "checkoutToken"), "12"},
		"empty token":          {body(t, "", "checkoutToken"), "12"},
		"token a number":       {body(t, 7, "checkoutToken"), "11"},
		"token too long":       {body(t, long, "checkoutToken"), "11"},
		"no currency":          {body(t, "delete", "currency"), "12"},
		"currency in words":    {body(t, "pesos", "currency"), "11"},
		"no items":             {body(t, "delete", "items"), "12"},
		"items empty":          {body(t, []any{}, "items"), "11"},
		"items an object":      {body(t, map[string]any{}, "items"), "11"},
		"item a string":        {body(t, "x", "items", 0), "11"},
		"amount a number":      {body(t, 119.5, "items", 0, "totalAmount"), "11"},
		"amount in words":      {body(t, "ten", "items", 0, "totalAmount"), "11"},
		"amount with exponent": {body(t, "1e3", "items", 0, "preTaxAmount"), "11"},
		"no amount":            {body(t, "delete", "items", 0, "totalAmount"), "12"},
		"no description":       {body(t, "delete", "items", 0, "description"), "12"},
		"tax a string":         {body(t, "19%", "items", 0, "tax"), "11"},
		"tax incomplete":       {body(t, map[string]any{"name": "IVA", "type": "FIXED"}, "items", 0, "tax"), "12"},
		"tax of another type":  {body(t, map[string]any{"name": "IVA", "type": "SOME", "value": "1", "amount": "1"}, "items", 0, "tax"), "11"},
		"no methods":           {body(t, "delete", "paymentMethodsAllowed"), "12"},
		"methods empty":        {body(t, []any{}, "paymentMethodsAllowed"), "11"},
		"method a number":      {body(t, []any{1}, "paymentMethodsAllowed"), "11"},
		"no destinations":      {body(t, "delete", "destinations"), "12"},
		"destination's type":   {body(t, "CARD", "destinations", 0, "type"), "11"},
		"destination's amount": {body(t, 1, "destinations", 0, "amount"), "11"},
		"no account":           {body(t, "delete", "destinations", 0, "account"), "12"},
		"no account number":    {body(t, map[string]any{}, "destinations", 0, "account"), "12"},
		"metadata incomplete":  {body(t, map[string]any{"image": "x"}, "destinations", 0, "metadata"), "12"},
		"no duration":          {body(t, "delete", "duration"), "12"},
		"duration short":       {body(t, 29, "duration"), "11"},
		"duration a string":    {body(t, "3600", "duration"), "11"},
		"duration a fraction":  {body(t, 30.5, "duration"), "11"},
		"no owner":             {body(t, "delete", "owner"), "12"},
		"owner without id":     {body(t, map[string]any{}, "owner"), "12"},
		"customer a list":      {body(t, []any{}, "customer"), "11"},
		"email a number":       {body(t, 1, "customer", "email"), "11"},
		"address a string":     {body(t, "x", "customer", "address"), "11"},
		"requirement unknown":  {body(t, []any{"shoeSize"}, "customerRequirements"), "11"},
		"successUrl a number":  {body(t, 1, "successUrl"), "11"},
	} {
		t.Run(name, func(t *testing.T) {
			raw{method: "POST", url: url + "/payment-links", body: tt.body}.wantCode(t, 400, tt.code)
		})
	}
	if n := len(box.Links()); n != 0 {
		t.Errorf("%d links were made", n)
	}
	for name, good := range map[string]string{
		"customer null":   body(t, nil, "customer"),
		"tax null":        body(t, nil, "items", 0, "tax"),
		"a newer method":  body(t, []any{"TELEPATHY_2"}, "paymentMethodsAllowed"),
		"unknown field":   body(t, 1, "somethingNew"),
		"no customer":     body(t, "delete", "customer"),
		"negative amount": body(t, "-5", "items", 0, "preTaxAmount"),
	} {
		token := strings.Replace(good, `"checkoutToken":"t"`, `"checkoutToken":"`+name+`"`, 1)
		raw{method: "POST", url: url + "/payment-links", body: token}.wantCode(t, 201, "")
	}
}

func TestLookUp(t *testing.T) {
	box, client, url := start(t, conomytest.Options{AccessToken: "own"})
	for i := range 60 {
		req := request(fmt.Sprint("t-", i))
		if i%3 == 0 {
			req.Owner.IdentityID = "other"
			req.Customer = nil
		}
		if i == 7 {
			req.Destinations[0].Account.AccountNumber = "7"
		}
		if _, err := client.CreatePaymentLink(ctx, req); err != nil {
			t.Fatal(err)
		}
	}
	box.SetStatus("t-1", conomytest.StatusFinished)
	for name, tt := range map[string]struct {
		filter conomy.PaymentLinkFilter
		total  int
		links  int
	}{
		"all":      {conomy.PaymentLinkFilter{}, 60, 10},
		"most":     {conomy.PaymentLinkFilter{Limit: 50}, 60, 50},
		"the rest": {conomy.PaymentLinkFilter{Limit: 50, Offset: 50}, 60, 10},
		"beyond":   {conomy.PaymentLinkFilter{Offset: 99}, 60, 0},
		"owner":    {conomy.PaymentLinkFilter{OwnerIdentityIDs: []string{"other"}}, 20, 10},
		"owners":   {conomy.PaymentLinkFilter{OwnerIdentityIDs: []string{"other", "merchant"}}, 60, 10},
		"account":  {conomy.PaymentLinkFilter{AccountNumbers: []string{"7"}}, 1, 1},
		"email":    {conomy.PaymentLinkFilter{CustomerEmails: []string{"jane@example.com"}}, 40, 10},
		"status":   {conomy.PaymentLinkFilter{Statuses: []string{"FINISHED", "EXPIRED"}}, 1, 1},
		"ids":      {conomy.PaymentLinkFilter{IDs: []string{"plink-3", "plink-5", "plink-99"}}, 2, 2},
		"two":      {conomy.PaymentLinkFilter{AccountNumbers: []string{"7"}, OwnerIdentityIDs: []string{"other"}}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := client.ListPaymentLinks(ctx, tt.filter)
			if err != nil || page.Total != tt.total || len(page.Links) != tt.links || page.Unreadable != 0 {
				t.Errorf("got %d of %d, %v", len(page.Links), page.Total, err)
			}
			if more := tt.filter.Offset+tt.links < tt.total; err == nil && page.HasNext() != more {
				t.Errorf("next %d", page.Next)
			}
		})
	}
	get := raw{method: "GET", url: url + "/payment-links?checkoutToken=t-5&limit=1"}
	if _, _, got := get.do(t); !strings.Contains(got, `"total":60`) {
		t.Errorf("a filter on checkoutToken did something: %s", got)
	}
	for _, query := range []string{"limit=51", "limit=-1", "limit=x", "offset=-1", "next=x"} {
		raw{method: "GET", url: url + "/payment-links?" + query}.wantCode(t, 400, "11")
	}
}

func TestLinkLife(t *testing.T) {
	c := &clock{time.Date(2026, 5, 18, 10, 0, 0, 0, time.UTC)}
	box, client, url := start(t, conomytest.Options{AccessToken: "own", Now: c.Now})
	link := mustCreate(t, client, "t")
	if !link.CreatedAt.Equal(c.now) || link.Status != "ACTIVE" {
		t.Errorf("got %+v", link)
	}
	one := url + "/payment-links/" + link.ID
	raw{method: "DELETE", url: one}.wantCode(t, 422, "21")
	raw{method: "POST", url: one + "/activate"}.wantCode(t, 200, "")
	if _, err := client.CreateCheckoutSession(ctx, "t", nil); err != nil {
		t.Error(err)
	}

	c.now = c.now.Add(time.Hour)
	got, err := client.GetPaymentLink(ctx, link.ID)
	if err != nil || got.Status != "EXPIRED" {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = client.CreateCheckoutSession(ctx, "t", nil)
	wantCode(t, err, 422, "21")
	_, err = client.CreatePaymentLink(ctx, request("t"))
	wantCode(t, err, 409, "13")
	raw{method: "POST", url: one + "/activate"}.wantCode(t, 200, "")
	if l, ok := box.Link("t"); !ok || l.Status != "ACTIVE" || !l.ExpiresAt.Equal(c.now.Add(time.Hour)) || l.Sessions != 1 {
		t.Errorf("got %+v", l)
	}

	for status, code := range map[string]int{"FINISHED": 422, "PROCESSING_PAYMENT": 422, "ATTEMPT": 200} {
		box.SetStatus("t", status)
		want := ""
		if code == 422 {
			want = "21"
		}
		raw{method: "POST", url: one + "/activate"}.wantCode(t, code, want)
	}
	box.SetStatus("t", conomytest.StatusFinished)
	_, err = client.CreateCheckoutSession(ctx, "t", nil)
	wantCode(t, err, 422, "21")

	box.SetStatus("t", conomytest.StatusAttempt)
	raw{method: "DELETE", url: one}.wantCode(t, 204, "")
	raw{method: "DELETE", url: one}.wantCode(t, 404, "31")
	_, err = client.GetPaymentLink(ctx, link.ID)
	wantCode(t, err, 404, "31")
	if again := mustCreate(t, client, "t"); again.ID == link.ID {
		t.Error("an id was used again")
	}
	for _, id := range []string{"plink-0", "plink--1", "plink-02", "plink-99999999999999999999", "2", "csess-1"} {
		_, err = client.GetPaymentLink(ctx, id)
		wantCode(t, err, 404, "31")
	}
}

func TestSessions(t *testing.T) {
	c := &clock{time.Date(2026, 5, 18, 10, 0, 0, 0, time.UTC)}
	for _, opts := range []conomytest.Options{
		{Now: c.Now}, {Now: c.Now, SessionURL: true}, {Now: c.Now, Recipe: true}, {Now: c.Now, Recipe: true, SessionURL: true},
	} {
		box, client, _ := start(t, opts)
		_, err := client.CreateCheckoutSession(ctx, "a/b", nil)
		wantCode(t, err, 404, "31")
		link := mustCreate(t, client, "a/b")
		for range 2 {
			s, err := client.CreateCheckoutSession(ctx, "a/b", &conomy.CheckoutSessionRequest{
				Customer: &conomy.Customer{FirstName: "Jane"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if s.CheckoutToken != "a/b" || !s.ExpiresAt.Equal(c.now.Add(30*time.Minute)) || (s.URL != "") != opts.SessionURL {
				t.Errorf("got %+v", s)
			}
			if whole := s.PaymentLinkID == link.ID && s.TotalAmount == "119.5"; whole == opts.Recipe {
				t.Errorf("got %+v", s)
			}
		}
		all := box.Sessions()
		if len(all) != 2 || all[1].ID == all[0].ID || string(all[0].Customer) != `{"firstName":"Jane"}` {
			t.Errorf("got %+v", all)
		}
	}
}

// TestTokensInPaths: the sandbox and the client understand each other about any
// token.
func TestTokensInPaths(t *testing.T) {
	box, client, _ := start(t, conomytest.Options{SessionURL: true})
	for i, token := range []string{
		"a/b", "/", "..", ".", "../../auth", "a b+c", "%2F", "?x=1#y", "ñ€😀", "auth", "payment-links", "_sandbox", "a//b",
		"checkout-sessions", "token", strings.Repeat("ñ", 100),
	} {
		mustCreate(t, client, token)
		if _, err := client.CreateCheckoutSession(ctx, token, nil); err != nil {
			t.Errorf("%q: %v", token, err)
		}
		if all := box.Sessions(); len(all) != i+1 || all[i].CheckoutToken != token {
			t.Errorf("%q: %+v", token, all)
		}
		if box.Creates(token) != 1 {
			t.Errorf("%q: %d creates", token, box.Creates(token))
		}
	}
}

func TestPathsOfOthers(t *testing.T) {
	_, _, url := start(t, conomytest.Options{AccessToken: "own"})
	for _, path := range []string{"/nothing", "/payment-links/a/b/c/d", "/payment-links//activate", "/auth/x", "/sandbox"} {
		raw{method: "POST", url: url + path, body: "{}"}.wantCode(t, 404, "")
	}
	raw{method: "GET", url: url + "/checkout-sessions/csess-1"}.wantCode(t, 501, "42")
	for _, prefix := range []string{"", "/sandbox", "/a/b%2Fc"} {
		raw{method: "GET", url: url + prefix + "/payment-links"}.wantCode(t, 200, "")
	}
}

func TestOldLinksAreForgotten(t *testing.T) {
	box, client, _ := start(t, conomytest.Options{KeepLinks: 3, KeepRequests: 4})
	first := mustCreate(t, client, "t-0")
	for i := 1; i < 10; i++ {
		mustCreate(t, client, fmt.Sprint("t-", i))
		if _, err := client.CreateCheckoutSession(ctx, fmt.Sprint("t-", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	links, sessions, requests := box.Links(), box.Sessions(), box.Requests()
	if len(links) != 3 || links[0].CheckoutToken != "t-7" || len(sessions) != 3 || len(requests) != 4 {
		t.Errorf("%d links, %d sessions, %d requests", len(links), len(sessions), len(requests))
	}
	if requests[3].Number != 20 || requests[0].Number != 17 || box.Calls(conomytest.EndpointCreatePaymentLink) != 10 {
		t.Errorf("got %+v", requests)
	}
	_, err := client.GetPaymentLink(ctx, first.ID)
	wantCode(t, err, 404, "31")
	mustCreate(t, client, "t-0")
}
