// Package terms knows what an invoice is compared by: the same checkoutToken with
// the same terms is a duplicate, with others a conflict. The worker decides by it,
// and a forecast of what the worker would decide.
//
//	own, err := terms.Given(invoice)
//	diff, err := terms.Compare(own, recorded, false, mask)
//	if !diff.Same() {
//		fmt.Println("other terms:", diff)
//	}
package terms

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/shopspring/decimal"

	"github.com/linkworker/linkworker/events"
)

// Terms are what an invoice is compared by. The worker fills them in once and records them with the claim.
type Terms struct {
	Currency     string               `json:"currency"`
	Items        []events.Item        `json:"items"`
	Destinations []events.Destination `json:"destinations,omitzero"`
	Owner        *events.Owner        `json:"owner,omitzero"`

	// Rest is recorded beside them and compared by nobody. Only terms that a claim was made with have it, and none that
	// [Given] returns.
	Rest *Rest `json:"rest,omitzero"`
}

// Rest is what else of a request does not stand in its invoice but comes from the merchant's defaults: each try asks for
// the same link, whatever the defaults are by then.
type Rest struct {
	PaymentMethodsAllowed []string `json:"paymentMethodsAllowed,omitzero"`
	Duration              int64    `json:"duration,omitzero"`
	CustomerRequirements  []string `json:"customerRequirements,omitzero"`
	SuccessURL            string   `json:"successUrl,omitzero"`
	FailedURL             string   `json:"failedUrl,omitzero"`
}

// Given returns the terms that the invoice states itself. A destination without an amount gets the rest of the total; the
// error is an [events.InvalidError] where there is none.
func Given(inv *events.Invoice) (*Terms, error) {
	t := &Terms{Currency: inv.Currency, Items: inv.Items, Owner: inv.Owner}
	var err error
	if t.Destinations, err = shareOut(inv); err != nil {
		return nil, err
	}
	return t, nil
}

// Decode reads recorded terms.
func Decode(data []byte) (*Terms, error) {
	t := new(Terms)
	if err := json.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("recorded terms: %w", err)
	}
	return t, nil
}

// shareOut gives the destination that lacks an amount the rest of the items' total.
func shareOut(inv *events.Invoice) ([]events.Destination, error) {
	open := slices.IndexFunc(inv.Destinations, func(d events.Destination) bool { return d.Amount == "" })
	if open < 0 {
		return inv.Destinations, nil
	}
	rest, err := Total(inv.Items)
	if err != nil {
		return nil, err
	}
	for i := range inv.Destinations {
		if i == open {
			continue
		}
		amount, err := inv.Destinations[i].Amount.Decimal()
		if err != nil {
			return nil, err
		}
		rest = rest.Sub(amount)
	}
	if !rest.IsPositive() {
		return nil, Invalid(inv, events.FieldError{
			Path:    fmt.Sprintf("destinations[%d].amount", open),
			Problem: "is left out, and nothing of the items' total is left for it",
		})
	}
	amount, err := Amount(inv, rest)
	if err != nil {
		return nil, err
	}
	shared := slices.Clone(inv.Destinations)
	shared[open].Amount = amount
	return shared, nil
}

// Total adds up what the items cost.
func Total(items []events.Item) (decimal.Decimal, error) {
	total := decimal.Zero
	for i := range items {
		amount, err := items[i].TotalAmount.Decimal()
		if err != nil {
			return total, err
		}
		total = total.Add(amount)
	}
	return total, nil
}

// Amount writes a sum of the invoice's as an amount. Sums of the largest amounts are too long to be one.
func Amount(inv *events.Invoice, sum decimal.Decimal) (events.Amount, error) {
	amount := events.Amount(sum.String())
	if _, err := amount.Decimal(); err != nil {
		return "", Invalid(inv, events.FieldError{Path: "items", Problem: "add up to more than an amount can say"})
	}
	return amount, nil
}

// Invalid is the error of an invoice that keeps its schema's rules and is wrong all the same.
func Invalid(inv *events.Invoice, fields ...events.FieldError) error {
	return &events.InvalidError{
		Subject: events.SubjectInvoiceIssued, Kind: events.KindPaymentLink, Token: inv.CheckoutToken,
		InvoiceID: inv.InvoiceID, Metadata: inv.Metadata, Fields: fields,
	}
}
