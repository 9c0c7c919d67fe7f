package worker

import (
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/terms"
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

// fill returns the terms of the invoice with the merchant's defaults in place of what it leaves out, or an
// [events.InvalidError] that names what is missing in both.
func (m *Merchant) fill(inv *events.Invoice) (*terms.Terms, error) {
	t, err := terms.Given(inv)
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
		total, err := terms.Total(inv.Items)
		if err != nil {
			return nil, err
		}
		if !total.IsPositive() {
			return nil, terms.Invalid(inv, events.FieldError{Path: "items", Problem: "must add up to more than zero, as nothing else says what the destination gets"})
		}
		amount, err := terms.Amount(inv, total)
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
		return nil, terms.Invalid(inv, missing...)
	}
	t.Rest = m.rest(inv)
	return t, nil
}

// rest are the defaults for what the invoice leaves out and what is none of its terms.
func (m *Merchant) rest(inv *events.Invoice) *terms.Rest {
	r := &terms.Rest{}
	if len(inv.PaymentMethodsAllowed) == 0 {
		r.PaymentMethodsAllowed = m.PaymentMethods
	}
	if inv.Duration == 0 {
		r.Duration = m.Duration
	}
	if inv.CustomerRequirements == nil {
		r.CustomerRequirements = m.CustomerRequirements
	}
	if inv.SuccessURL == "" {
		r.SuccessURL = withToken(m.SuccessURL, inv.CheckoutToken)
	}
	if inv.FailedURL == "" {
		r.FailedURL = withToken(m.FailedURL, inv.CheckoutToken)
	}
	return r
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

func absent(path, setting string) events.FieldError {
	return events.FieldError{Path: path, Problem: "is missing, and the worker has no default for it (" + setting + ")"}
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
