package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

// corpus makes the events of one round. Each invoice brings all that the vendor needs, so that a loop without a worker's
// knowledge can hand it on as it is.
type corpus struct {
	round   string // begins each token
	size    int    // bytes of an invoice's data
	padding string
}

// source is the CloudEvents source of the events.
const source = "/linkworker/bench"

func newCorpus(round string, size int) (*corpus, error) {
	c := &corpus{round: round, size: size}
	data, err := c.invoiceData(0)
	if err != nil {
		return nil, err
	}
	if err := events.Validate(events.SubjectInvoiceIssued, data); err != nil {
		return nil, err
	}
	c.padding = strings.Repeat(" month", 1+max(0, size-len(data))/6)[:max(0, size-len(data))]
	return c, nil
}

// token is the checkoutToken of the i-th invoice.
func (c *corpus) token(i int) string { return fmt.Sprintf("%s-%07d", c.round, i) }

func (c *corpus) invoiceData(i int) ([]byte, error) {
	return json.Marshal(&events.Invoice{
		CheckoutToken: c.token(i), Currency: "CLP", Duration: 86400,
		Items: []events.Item{{
			PreTaxAmount: "42009", TotalAmount: "49990", Description: "Plan Pro" + c.padding,
			Tax: &events.Tax{Name: "IVA", Type: events.TaxPercentage, Value: "19", Amount: "7981"},
		}},
		PaymentMethodsAllowed: []string{"CARD"},
		Destinations: []events.Destination{{
			Type: "ACCOUNT", Amount: "49990", Currency: "CLP",
			Identity: &events.Identity{IdentityID: "identity-bench"}, Account: &events.Account{AccountNumber: "0001"},
		}},
		Owner:     &events.Owner{IdentityID: "identity-bench"},
		Customer:  c.customer(i),
		InvoiceID: fmt.Sprintf("F-%07d", i),
		Metadata:  jsontext.Value(`{"shop":7}`),
	})
}

func (c *corpus) customer(i int) *events.Customer {
	return &events.Customer{FirstName: "Jane", LastName: "Roe", Email: fmt.Sprintf("jane.%07d@example.com", i)}
}

// invoice is the n-th event about the i-th invoice.
func (c *corpus) invoice(i, n int) (*nats.Msg, error) {
	data, err := c.invoiceData(i)
	if err != nil {
		return nil, err
	}
	return message(events.SubjectInvoiceIssued, fmt.Sprintf("%s.%d", c.token(i), n), c.token(i), data), nil
}

// fresh makes events about invoices that were not spoken of before, from the first one on.
func (c *corpus) fresh(first int) func(i int) (*nats.Msg, error) {
	return func(i int) (*nats.Msg, error) { return c.invoice(first+i, 0) }
}

// session is the n-th request for a session of the i-th invoice's link.
func (c *corpus) session(i, n int) (*nats.Msg, error) {
	request := fmt.Sprintf("%s.%d", c.token(i), n)
	data, err := json.Marshal(&events.SessionRequest{CheckoutToken: c.token(i), RequestID: request, Customer: c.customer(i)})
	if err != nil {
		return nil, err
	}
	return message(events.SubjectSessionRequested, "session."+request, c.token(i), data), nil
}

// message is an event in CloudEvents binary mode, as [events.Producer] publishes it.
func message(subject, id, token string, data []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: data, Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {id}, "ce-source": {source}, "ce-type": {subject}, "ce-subject": {token},
		"ce-time": {time.Now().UTC().Format(time.RFC3339Nano)}, "ce-datacontenttype": {"application/json"},
		"Content-Type": {"application/json"}, nats.MsgIdHdr: {id},
	}}
}
