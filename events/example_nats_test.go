package events_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkworker/linkworker/events"
)

func ExampleProducer_PublishInvoice() {
	js, stop, err := startJetStream() // jetstream.New(nc) in a program
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	p := events.NewProducer(js, "/billing/shop-7")
	inv := &events.Invoice{
		CheckoutToken: "invoice-1001",
		Currency:      "CLP",
		Items:         []events.Item{{PreTaxAmount: "49990", TotalAmount: "49990", Description: "Plan"}},
		InvoiceID:     "1001",
	}
	for range 2 { // the second is a repeat
		ack, err := p.PublishInvoice(ctx, inv)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(ack.Stream, ack.Sequence, ack.Duplicate)
	}
	inv.Currency = "pesos"
	_, err = p.PublishInvoice(ctx, inv)
	fmt.Println(err)
	// Output:
	// BILLING 1 false
	// BILLING 1 true
	// invalid invoice.issued: currency must be a code of 3 to 5 capital letters
}

func ExampleProducer_RequestSession() {
	js, stop, err := startJetStream()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	p := events.NewProducer(js, "/billing/shop-7")
	ack, err := p.RequestSession(ctx, &events.SessionRequest{
		CheckoutToken: "invoice-1001",
		RequestID:     "visit-77",
		Customer:      &events.Customer{FirstName: "Jane", Email: "jane@example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ack.Stream, ack.Duplicate)
	// Output: BILLING false
}

func ExampleNotifier() {
	js, stop, err := startJetStream()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	// What the worker does.
	msg, err := events.EncodeLinkCreated("/linkworker", events.LinkCreatedID("invoice-1001", ""), time.Now(), &events.LinkCreated{
		Kind: events.KindPaymentLink, CheckoutToken: "invoice-1001", URL: "https://checkout.conomyhq.com/invoice-1001",
		Customer: &events.PublicCustomer{FirstName: "Jane", Email: "jane@example.com"},
	})
	if err == nil {
		_, err = js.PublishMsg(ctx, msg)
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	// What a notifier does. A real one keeps what it has seen in a database.
	tries := 0
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(1000), func(_ context.Context, n events.Notice) error {
		if tries++; tries == 1 {
			return errors.New("the mail server is away")
		}
		fmt.Println("mail", n.ID, "to", n.Created.Customer.Email, n.Created.URL)
		cancel() // a real one goes on
		return nil
	}, events.RetryDelays(time.Millisecond, time.Second), events.OnError(func(err error) { fmt.Println("again:", err) }))
	fmt.Println(n.Run(ctx))
	// Output:
	// again: the mail server is away
	// mail link.created:invoice-1001 to jane@example.com https://checkout.conomyhq.com/invoice-1001
	// <nil>
}
