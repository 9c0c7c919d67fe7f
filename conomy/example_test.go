package conomy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

// exampleClient speaks to an emulator; BaseURL would else be
// https://api.conomyhq.com/sandbox.
func exampleClient(box *conomytest.Server) (client *conomy.Client, done func()) {
	server := httptest.NewServer(box)
	client, err := conomy.New(conomy.Config{
		BaseURL:   server.URL,
		UserAgent: "billing/1.4",
		Credentials: conomy.Credentials{
			APIKey: "key", ClientID: "id", ClientSecret: "secret",
		},
	})
	if err != nil {
		panic(err)
	}
	return client, func() { client.Close(); box.Close(); server.Close() }
}

func exampleRequest() *conomy.PaymentLinkRequest {
	return &conomy.PaymentLinkRequest{
		CheckoutToken:         "invoice-1001",
		Currency:              "CLP",
		Items:                 []conomy.Item{{PreTaxAmount: "49990", TotalAmount: "49990", Description: "Plan"}},
		PaymentMethodsAllowed: []string{"CARD"},
		Destinations: []conomy.Destination{{
			Type: "ACCOUNT", Amount: "49990", Account: &conomy.Account{AccountNumber: "100200300"},
		}},
		Duration: 86400,
		Owner:    conomy.Owner{IdentityID: "merchant"},
	}
}

func ExampleNew() {
	_, err := conomy.New(conomy.Config{BaseURL: "http://api.example.com", UserAgent: "billing/1.4"})
	fmt.Println(err)
	// Output:
	// conomy: BaseURL is plain http to a host that is not loopback
	// APIKey is missing
	// neither AccessToken nor both ClientID and ClientSecret are given
}

func ExampleClient_CreatePaymentLink() {
	client, done := exampleClient(conomytest.New(conomytest.Options{}))
	defer done()

	link, err := client.CreatePaymentLink(context.Background(), exampleRequest())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(link.Status, link.URL)

	_, err = client.CreatePaymentLink(context.Background(), exampleRequest())
	var e *conomy.Error
	if errors.As(err, &e) && e.Code == conomy.CodeAlreadyExist {
		fmt.Println("in use already: look it up")
	}
	// Output:
	// ACTIVE https://checkout.conomyhq.com/invoice-1001
	// in use already: look it up
}

func ExampleClient_GetPaymentLink() {
	client, done := exampleClient(conomytest.New(conomytest.Options{}))
	defer done()

	made, err := client.CreatePaymentLink(context.Background(), exampleRequest())
	if err != nil {
		fmt.Println(err)
		return
	}
	link, err := client.GetPaymentLink(context.Background(), made.ID)
	fmt.Println(link.CheckoutToken, link.TotalAmount, link.Currency, err)
	// Output: invoice-1001 49990 CLP <nil>
}

// A link is looked up by its token among the owner's links: the provider has no
// filter on the token.
func ExampleClient_ListPaymentLinks() {
	client, done := exampleClient(conomytest.New(conomytest.Options{}))
	defer done()
	ctx := context.Background()
	if _, err := client.CreatePaymentLink(ctx, exampleRequest()); err != nil {
		fmt.Println(err)
		return
	}

	filter := conomy.PaymentLinkFilter{OwnerIdentityIDs: []string{"merchant"}, Limit: 50}
	for {
		page, err := client.ListPaymentLinks(ctx, filter)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, link := range page.Links {
			if link.CheckoutToken == "invoice-1001" {
				fmt.Println("found", link.URL)
			}
		}
		if !page.HasNext() {
			return
		}
		filter.Offset = page.NextOffset()
	}
	// Output: found https://checkout.conomyhq.com/invoice-1001
}

func ExampleClient_CreateCheckoutSession() {
	client, done := exampleClient(conomytest.New(conomytest.Options{Recipe: true}))
	defer done()
	ctx := context.Background()
	if _, err := client.CreatePaymentLink(ctx, exampleRequest()); err != nil {
		fmt.Println(err)
		return
	}

	session, err := client.CreateCheckoutSession(ctx, "invoice-1001", &conomy.CheckoutSessionRequest{
		Customer: &conomy.Customer{FirstName: "Jane", Email: "jane@example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s, url %q\n", session.ID, session.Status, session.URL)
	// Output: csess-1 PENDING, url ""
}

// An error knows what to do about it.
func ExampleError() {
	box := conomytest.New(conomytest.Options{})
	client, done := exampleClient(box)
	defer done()
	limited := conomytest.Failure(429)
	limited.Headers = map[string]string{"Retry-After": "7"}
	box.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink},
		limited,
		conomytest.Fault{Cut: true},
		conomytest.Refusal(400, "12", "missingParam", "owner.identityId is required"),
	)
	for range 3 {
		_, err := client.CreatePaymentLink(context.Background(), exampleRequest())
		var e *conomy.Error
		if errors.As(err, &e) {
			fmt.Println(e.Kind, e.Status, e.Code, "again:", e.Retryable(), e.RetryAfter, "unknown:", e.OutcomeUnknown())
		}
	}
	// Output:
	// status 429 32 again: true 7s unknown: false
	// transport 0  again: true 0s unknown: true
	// status 400 12 again: false 0s unknown: false
}

// Credentials can be changed while calls are made.
func ExampleClient_SetCredentials() {
	client, done := exampleClient(conomytest.New(conomytest.Options{APIKey: "key", ClientID: "id", ClientSecret: "new"}))
	defer done()
	ctx := context.Background()

	var e *conomy.Error
	if err := client.Authenticate(ctx); errors.As(err, &e) {
		fmt.Println(e.Kind)
	}
	client.SetCredentials(conomy.Credentials{APIKey: "key", ClientID: "id", ClientSecret: "new"})
	fmt.Println(client.Authenticate(ctx))
	// Output:
	// unauthorized
	// <nil>
}

func ExampleCredentials() {
	fmt.Printf("%v %+v %#v\n", testCredentials, testCredentials, testCredentials)
	// Output: *** *** ***
}
