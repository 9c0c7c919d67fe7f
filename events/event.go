package events

import "github.com/go-json-experiment/json/jsontext"

// Event is one decoded event of a billing system.
type Event struct {
	Subject string
	Kind    Kind
	// ID and Source are the CloudEvents attributes. Both are "" unless both were
	// given: together, as source#id, they are the event's CloudEvents identity.
	ID, Source string
	// Data is the data JSON, unwrapped from structured mode. It may share memory
	// with the message.
	Data []byte
	// Invoice is set where Kind is [KindPaymentLink], Session where it is
	// [KindCheckoutSession].
	Invoice *Invoice
	Session *SessionRequest
}

// Token is the event's checkoutToken.
func (e *Event) Token() string {
	if e.Invoice != nil {
		return e.Invoice.CheckoutToken
	}
	return e.Session.CheckoutToken
}

// InvoiceID is the billing system's own id of the invoice, "" when absent.
func (e *Event) InvoiceID() string {
	if e.Invoice != nil {
		return e.Invoice.InvoiceID
	}
	return e.Session.InvoiceID
}

// RequestID is the id of a session request, "" when absent and for invoices.
func (e *Event) RequestID() string {
	if e.Session == nil {
		return ""
	}
	return e.Session.RequestID
}

// Metadata is the billing system's own object, nil when absent.
func (e *Event) Metadata() jsontext.Value {
	if e.Invoice != nil {
		return e.Invoice.Metadata
	}
	return e.Session.Metadata
}

// Customer is the payer, nil when absent.
func (e *Event) Customer() *Customer {
	if e.Invoice != nil {
		return e.Invoice.Customer
	}
	return e.Session.Customer
}
