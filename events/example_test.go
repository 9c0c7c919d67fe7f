package events_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

func ExampleDecode() {
	header := nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"42"}, "ce-source": {"/billing"}}
	data := []byte(`{"checkoutToken": "invoice-1001", "currency": "CLP", "items": [
		{"preTaxAmount": "49990", "totalAmount": "49990", "description": "Plan"}]}`)
	e, err := events.Decode(events.SubjectInvoiceIssued, header, data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Kind, e.Token(), e.Invoice.Items[0].TotalAmount, events.CausationID(e, ""))
	// Output: payment_link invoice-1001 49990 /billing#42
}

func ExampleDecode_invalid() {
	data := []byte(`{"checkoutToken": "invoice-1001", "items": [{"preTaxAmount": "49990", "totalAmount": 49990, "description": "Plan"}]}`)
	_, err := events.Decode(events.SubjectInvoiceIssued, nil, data)
	fmt.Println(err)
	if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
		fmt.Println(invalid.Token, invalid.Fields[1].Path)
	}
	// Output:
	// invalid invoice.issued: currency is missing; items[0].totalAmount must be a decimal string such as "12.50", with up to 18 digits before and after the point
	// invoice-1001 items[0].totalAmount
}

func ExampleValidate() {
	fmt.Println(events.Validate(events.SubjectSessionRequested, []byte(`{"checkoutToken": "invoice-1001", "customer": {}}`)))
	// Output: invalid session.requested: customer must have at least one field
}

func ExampleUnknownFields() {
	fmt.Println(events.UnknownFields(events.SubjectSessionRequested, []byte(`{"checkoutToken": "a", "customer": {"mail": "jane@example.com"}}`)))
	// Output: [customer.mail]
}

func ExampleEncodeLinkCreated() {
	id := events.LinkCreatedID("invoice-1001", "")
	msg, err := events.EncodeLinkCreated("/linkworker", id, time.Date(2026, 5, 18, 10, 0, 0, 0, time.UTC), &events.LinkCreated{
		Kind: events.KindPaymentLink, CheckoutToken: "invoice-1001", URL: "https://checkout.conomyhq.com/invoice-1001",
		Metadata: jsontext.Value(`{"shop":7}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(msg.Subject, msg.Header.Get("Nats-Msg-Id"))
	fmt.Println(string(msg.Data))
	// Output:
	// link.created link.created:invoice-1001
	// {"kind":"payment_link","checkoutToken":"invoice-1001","url":"https://checkout.conomyhq.com/invoice-1001","metadata":{"shop":7}}
}

func ExampleEncodeLinkFailed() {
	failedAt := time.Date(2026, 5, 18, 10, 0, 0, 0, time.UTC)
	msg, err := events.EncodeLinkFailed("/linkworker", events.LinkFailedID("BILLING.17.0"), failedAt, &events.LinkFailed{
		Kind: events.KindPaymentLink, CheckoutToken: "invoice-1001", Reason: "rejected", Code: "11", DeadLetter: "3", FailedAt: failedAt,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(msg.Data))
	// Output: {"kind":"payment_link","checkoutToken":"invoice-1001","reason":"rejected","code":"11","deadLetter":"3","failedAt":"2026-05-18T10:00:00Z"}
}

func ExampleDecodeNotice() {
	header := nats.Header{"ce-id": {"link.created:invoice-1001"}}
	n, err := events.DecodeNotice(events.SubjectLinkCreated, header, []byte(`{"kind": "payment_link", "url": "https://checkout.conomyhq.com/invoice-1001"}`))
	fmt.Println(n.ID, n.Created.URL, err)
	// Output: link.created:invoice-1001 https://checkout.conomyhq.com/invoice-1001 <nil>
}

func ExampleSafeID() {
	fmt.Println(events.SafeID("invoice-1001"))
	fmt.Println(events.SafeID("shop/1001"))
	// Output:
	// invoice-1001
	// sha256-ab7cec091e4c33db72e330cbb48610e5b9814d8d843af4cadfb6c92b23d6332c
}

func ExampleLinkCreatedID() {
	fmt.Println(events.LinkCreatedID("invoice-1001", ""))
	fmt.Println(events.LinkCreatedID("invoice-1001", "request.r1"))
	// Output:
	// link.created:invoice-1001
	// link.created:invoice-1001:request.r1
}

func ExampleSessionIdentity() {
	e := &events.Event{Session: &events.SessionRequest{CheckoutToken: "invoice-1001", RequestID: "r1"}}
	fmt.Println(events.SessionIdentity(e, "message-7"))
	e.Session.RequestID = ""
	fmt.Println(events.SessionIdentity(e, "message-7"))
	// Output:
	// request.r1
	// message.message-7
}

func ExampleAmount_Decimal() {
	total, err := events.Amount("119.90").Decimal()
	fmt.Println(total.Add(total), err)
	_, err = events.Amount("1,50").Decimal()
	fmt.Println(err)
	// Output:
	// 239.8 <nil>
	// amount is not a decimal string
}

func ExampleSchema() {
	for _, name := range events.SchemaNames() {
		schema, err := events.Schema(name)
		fmt.Println(name, len(schema) > 0, err)
	}
	// Output:
	// invoice.issued true <nil>
	// link.created true <nil>
	// link.failed true <nil>
	// session.requested true <nil>
}

func ExampleCustomer_Public() {
	c := &events.Customer{FirstName: "Jane", Email: "jane@example.com", DocumentNumber: "11.111.111-1"}
	fmt.Printf("%+v\n", *c.Public())
	// Output: {FirstName:Jane LastName: Email:jane@example.com PhoneNumber: PhoneNumberPrefix:}
}

func ExampleCausationID() {
	e := &events.Event{ID: "42", Source: "/billing"}
	fmt.Println(events.CausationID(e, "message-7"))
	fmt.Println(events.CausationID(&events.Event{}, "message-7"))
	// Output:
	// /billing#42
	// message-7
}

func ExampleLinkFailedID() {
	const event = "BILLING.17.1779098400000000000.0"
	fmt.Println(events.LinkFailedID(event))
	fmt.Println(events.DeadLetterID(event))
	fmt.Println(events.ReplayID(event))
	// Output:
	// link.failed:BILLING.17.1779098400000000000.0
	// deadletter:BILLING.17.1779098400000000000.0
	// replay:BILLING.17.1779098400000000000.0
}

func ExampleMemorySeen() {
	ctx := context.Background()
	seen := events.NewMemorySeen(1000)
	err := seen.Mark(ctx, "link.created:invoice-1001")
	first, _ := seen.Seen(ctx, "link.created:invoice-1001")
	second, _ := seen.Seen(ctx, "link.created:invoice-1002")
	fmt.Println(err, first, second)
	// Output: <nil> true false
}
