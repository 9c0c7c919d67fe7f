package worker

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/shopspring/decimal"

	"github.com/linkworker/linkworker/events"
)

// Merchant holds the defaults for what an invoice leaves out.
type Merchant struct {
	OwnerIdentityID      string
	AccountNumber        string
	AccountIdentityID    string
	PaymentMethods       []string
	Duration             int64 // seconds
	CustomerRequirements []string
	SuccessURL           string // {checkoutToken} is replaced, escaped
	FailedURL            string // likewise
}

// terms are what an invoice is compared by: the same token with the same terms is a duplicate, with others a conflict.
// They are filled in once and recorded with the claim.
type terms struct {
	Currency     string               `json:"currency"`
	Items        []events.Item        `json:"items"`
	Destinations []events.Destination `json:"destinations,omitzero"`
	Owner        *events.Owner        `json:"owner,omitzero"`
}

// given returns the terms that the invoice states itself. A destination without an amount gets the rest of the total.
func given(inv *events.Invoice) (*terms, error) {
	t := &terms{Currency: inv.Currency, Items: inv.Items, Owner: inv.Owner}
	var err error
	if t.Destinations, err = shareOut(inv); err != nil {
		return nil, err
	}
	return t, nil
}

// fill returns the terms of the invoice with the merchant's defaults in place of what it leaves out, or an
// [events.InvalidError] that names what is missing in both.
func (m *Merchant) fill(inv *events.Invoice) (*terms, error) {
	t, err := given(inv)
	if err != nil {
		return nil, err
	}
	var missing []events.FieldError
	if t.Owner == nil {
		if m.OwnerIdentityID == "" {
			missing = append(missing, absent("owner", "MERCHANT_OWNER_IDENTITY_ID"))
		}
		t.Owner = &events.Owner{IdentityID: m.OwnerIdentityID}
	}
	if len(t.Destinations) == 0 {
		if m.AccountNumber == "" {
			missing = append(missing, absent("destinations", "MERCHANT_ACCOUNT_NUMBER"))
		}
		total, err := totalOf(inv.Items)
		if err != nil {
			return nil, err
		}
		if !total.IsPositive() {
			return nil, invalidInvoice(inv, events.FieldError{Path: "items", Problem: "must add up to more than zero, as nothing else says what the destination gets"})
		}
		amount, err := asAmount(inv, total)
		if err != nil {
			return nil, err
		}
		t.Destinations = []events.Destination{m.destination(inv.Currency, amount)}
	}
	if len(inv.PaymentMethodsAllowed) == 0 && len(m.PaymentMethods) == 0 {
		missing = append(missing, absent("paymentMethodsAllowed", "MERCHANT_PAYMENT_METHODS"))
	}
	if inv.Duration == 0 && m.Duration == 0 {
		missing = append(missing, absent("duration", "MERCHANT_DURATION"))
	}
	if len(missing) > 0 {
		return nil, invalidInvoice(inv, missing...)
	}
	return t, nil
}

func (m *Merchant) destination(currency string, amount events.Amount) events.Destination {
	d := events.Destination{
		Type: "ACCOUNT", Amount: amount, Currency: currency,
		Account: &events.Account{AccountNumber: m.AccountNumber},
	}
	if m.AccountIdentityID != "" {
		d.Identity = &events.Identity{IdentityID: m.AccountIdentityID}
	}
	return d
}

// shareOut gives the destination that lacks an amount the rest of the items' total.
func shareOut(inv *events.Invoice) ([]events.Destination, error) {
	open := slices.IndexFunc(inv.Destinations, func(d events.Destination) bool { return d.Amount == "" })
	if open < 0 {
		return inv.Destinations, nil
	}
	rest, err := totalOf(inv.Items)
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
		return nil, invalidInvoice(inv, events.FieldError{
			Path:    fmt.Sprintf("destinations[%d].amount", open),
			Problem: "is left out, and nothing of the items' total is left for it",
		})
	}
	amount, err := asAmount(inv, rest)
	if err != nil {
		return nil, err
	}
	shared := slices.Clone(inv.Destinations)
	shared[open].Amount = amount
	return shared, nil
}

// asAmount writes a sum as an amount. Sums of the largest amounts are too long to be one.
func asAmount(inv *events.Invoice, sum decimal.Decimal) (events.Amount, error) {
	amount := events.Amount(sum.String())
	if _, err := amount.Decimal(); err != nil {
		return "", invalidInvoice(inv, events.FieldError{Path: "items", Problem: "add up to more than an amount can say"})
	}
	return amount, nil
}

func totalOf(items []events.Item) (decimal.Decimal, error) {
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

func absent(path, setting string) events.FieldError {
	return events.FieldError{Path: path, Problem: "is missing, and the worker has no default for it (" + setting + ")"}
}

func invalidInvoice(inv *events.Invoice, fields ...events.FieldError) error {
	return &events.InvalidError{
		Subject: events.SubjectInvoiceIssued, Kind: events.KindPaymentLink, Token: inv.CheckoutToken,
		InvoiceID: inv.InvoiceID, Metadata: inv.Metadata, Fields: fields,
	}
}

// urls are where the payer is sent afterwards.
func (m *Merchant) urls(inv *events.Invoice) (success, failed string) {
	success, failed = inv.SuccessURL, inv.FailedURL
	if success == "" {
		success = withToken(m.SuccessURL, inv.CheckoutToken)
	}
	if failed == "" {
		failed = withToken(m.FailedURL, inv.CheckoutToken)
	}
	return success, failed
}

func withToken(template, token string) string {
	return strings.ReplaceAll(template, "{checkoutToken}", escapeToken(token))
}

// escapeToken percent-encodes all but the unreserved characters of RFC 3986, so that the token means the same in a path
// and in a query.
func escapeToken(token string) string {
	return strings.ReplaceAll(url.QueryEscape(token), "+", "%20")
}

func encode(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

func decodeTerms(data []byte) (*terms, error) {
	t := new(terms)
	if err := json.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("recorded terms: %w", err)
	}
	return t, nil
}
