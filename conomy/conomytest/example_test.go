package conomytest_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

func ExampleNew() {
	sandbox := conomytest.New(conomytest.Options{APIKey: "key"})
	server := httptest.NewServer(sandbox)
	defer server.Close()
	defer sandbox.Close() // before the server

	client, err := conomy.New(conomy.Config{
		BaseURL: server.URL + "/sandbox", UserAgent: "billing-test/1.0",
		Credentials: conomy.Credentials{APIKey: "key", ClientID: "any", ClientSecret: "any"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	link, err := client.CreatePaymentLink(context.Background(), request("invoice-1001"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(link.URL)
	fmt.Println(sandbox.Links()[0].TotalAmount, sandbox.Creates("invoice-1001"), sandbox.AuthCalls())
	// Output:
	// https://checkout.conomyhq.com/invoice-1001
	// 119.5 1 1
}

// The provider makes the link, but its answer is lost. The caller cannot know,
// tries again, and is told that the token is in use.
func ExampleServer_Script() {
	sandbox := conomytest.New(conomytest.Options{})
	server := httptest.NewServer(sandbox)
	defer server.Close()
	defer sandbox.Close()
	client, err := conomy.New(conomy.Config{
		BaseURL: server.URL, UserAgent: "billing-test/1.0",
		Credentials: conomy.Credentials{APIKey: "any", ClientID: "any", ClientSecret: "any"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	sandbox.Script(conomytest.Match{Token: "invoice-1001"}, conomytest.Fault{AfterWork: true, Cut: true})
	for range 2 {
		_, err := client.CreatePaymentLink(context.Background(), request("invoice-1001"))
		if e, ok := err.(*conomy.Error); ok {
			fmt.Println(e.Kind, e.Status, e.OutcomeUnknown())
		}
	}
	fmt.Println(len(sandbox.Links()), "link")
	// Output:
	// transport 0 true
	// status 409 false
	// 1 link
}
