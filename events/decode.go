package events

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
)

// Decode reads an event of [SubjectInvoiceIssued] or [SubjectSessionRequested] in
// any of the three forms. The subject decides its kind. The error is always an
// [*InvalidError].
func Decode(subject string, header nats.Header, data []byte) (*Event, error) {
	kind := kindOf(subject)
	if kind == "" || len(data) > MaxEventBytes {
		return nil, unreadable(subject, header, data)
	}
	env := open(header, data)
	e := &Event{Subject: subject, Kind: kind, ID: env.id, Source: env.source, Data: env.data}
	if len(env.faults) == 0 && e.read(noEmptyString(env.data)) {
		return e, nil
	}
	return e.examine(env, data)
}

// Validate checks data, as it stands in binary mode or in a plain event, against
// all rules for the subject. The error is always an [*InvalidError].
func Validate(subject string, data []byte) error {
	kind := kindOf(subject)
	if kind == "" || len(data) > MaxEventBytes {
		return unreadable(subject, nil, data)
	}
	e := &Event{Subject: subject, Kind: kind, Data: data}
	if e.read(noEmptyString(data)) {
		return nil
	}
	_, err := e.examine(envelope{data: data}, data)
	return err
}

// noEmptyString says that the text has no empty string. A destination's currency
// that is empty in the Go struct may be absent, which is right, or an empty string,
// which is not: only in such a text the fast way knows that it is absent.
func noEmptyString(data []byte) bool { return !bytes.Contains(data, []byte(`""`)) }

// read is the fast way: it fills in the typed data and says whether it is valid.
func (e *Event) read(emptyOK bool) bool {
	if e.Kind == KindPaymentLink {
		inv, ok := readInvoice(e.Data)
		e.Invoice = inv
		return ok && validInvoice(inv, emptyOK)
	}
	s, ok := readSession(e.Data)
	e.Session = s
	return ok && validSession(s)
}

// Each of these shadows the fields whose zero value is not allowed, so that it is
// seen when it is there.
type (
	invoiceWire struct {
		Invoice
		Duration   *int64  `json:"duration"`
		SuccessURL *string `json:"successUrl"`
		FailedURL  *string `json:"failedUrl"`
	}
	sessionWire struct {
		SessionRequest
		RequestID *string `json:"requestId"`
	}
)

func readInvoice(data []byte) (*Invoice, bool) {
	var w invoiceWire
	if json.Unmarshal(data, &w) != nil || !isObject(data) {
		return nil, false
	}
	inv := &w.Invoice
	inv.Metadata = nullAbsent(inv.Metadata)
	ok := true
	if w.Duration != nil {
		inv.Duration = *w.Duration
		ok = ok && inv.Duration >= MinDuration && inv.Duration <= MaxDuration
	}
	if w.SuccessURL != nil {
		inv.SuccessURL = *w.SuccessURL
		ok = ok && validURL(inv.SuccessURL)
	}
	if w.FailedURL != nil {
		inv.FailedURL = *w.FailedURL
		ok = ok && validURL(inv.FailedURL)
	}
	return inv, ok
}

func readSession(data []byte) (*SessionRequest, bool) {
	var w sessionWire
	if json.Unmarshal(data, &w) != nil || !isObject(data) {
		return nil, false
	}
	s := &w.SessionRequest
	s.Metadata = nullAbsent(s.Metadata)
	ok := true
	if w.RequestID != nil {
		s.RequestID = *w.RequestID
		ok = validToken(s.RequestID)
	}
	return s, ok
}

// isObject keeps null out, which would leave a struct as it is.
func isObject(data []byte) bool { return jsontext.Value(data).Kind() == '{' }

func nullAbsent(v jsontext.Value) jsontext.Value {
	if absent(v) {
		return nil
	}
	return v
}

func validInvoice(inv *Invoice, emptyOK bool) bool {
	return validToken(inv.CheckoutToken) &&
		validCurrency(inv.Currency) &&
		validItems(inv.Items) &&
		(inv.PaymentMethodsAllowed == nil || len(inv.PaymentMethodsAllowed) > 0) &&
		noneEmpty(inv.PaymentMethodsAllowed) &&
		noneEmpty(inv.CustomerRequirements) &&
		validDestinations(inv.Destinations, emptyOK) &&
		(inv.Owner == nil || inv.Owner.IdentityID != "") &&
		validMetadata(inv.Metadata)
}

func validSession(s *SessionRequest) bool {
	return validToken(s.CheckoutToken) && !s.Customer.empty() && validMetadata(s.Metadata)
}

func validItems(items []Item) bool {
	for i := range items {
		it := &items[i]
		if it.PreTaxAmount == "" || it.TotalAmount == "" || it.Description == "" {
			return false
		}
		if t := it.Tax; t != nil {
			if t.Name == "" || t.Value == "" || t.Amount == "" || t.Type != TaxFixed && t.Type != TaxPercentage {
				return false
			}
		}
	}
	return len(items) > 0
}

func validDestinations(ds []Destination, emptyOK bool) bool {
	if ds == nil {
		return true
	}
	lacking := 0
	for i := range ds {
		d := &ds[i]
		if d.Amount == "" {
			lacking++
		}
		if d.Type == "" || !validOptionalCurrency(d.Currency, emptyOK) || d.Identity != nil && d.Identity.IdentityID == "" {
			return false
		}
		if a := d.Account; a != nil && (a.AccountNumber == "" || !validOptionalCurrency(a.Currency, emptyOK)) {
			return false
		}
	}
	return len(ds) > 0 && lacking <= 1
}

func validOptionalCurrency(c string, emptyOK bool) bool {
	if c == "" {
		return emptyOK
	}
	return validCurrency(c)
}

func validCurrency(c string) bool {
	for i := range len(c) {
		if c[i] < 'A' || c[i] > 'Z' {
			return false
		}
	}
	return len(c) >= 3 && len(c) <= 5
}

// validToken is the rule of checkoutToken and requestId.
func validToken(s string) bool {
	return s != "" && len(s) <= MaxTokenBytes && utf8.ValidString(s) && !strings.ContainsFunc(s, control)
}

func control(r rune) bool { return r < 0x20 || r >= 0x7f && r <= 0x9f }

func noneEmpty(list []string) bool {
	for _, s := range list {
		if s == "" {
			return false
		}
	}
	return true
}

func validMetadata(v jsontext.Value) bool {
	return v == nil || v.Kind() == '{' && len(v) <= MaxMetadataBytes
}
