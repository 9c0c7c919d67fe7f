package events

import "github.com/go-json-experiment/json/jsontext"

// SessionRequest is the data of [SubjectSessionRequested]: a payer for whom one
// checkout session of an existing link is to be made. checkoutToken and customer
// are required.
type SessionRequest struct {
	// Names the link. 1 to 200 bytes of UTF-8 without control characters.
	CheckoutToken string `json:"checkoutToken" jsonschema:"required,minLength=1,maxLength=200,pattern=^[^\\x00-\\x1f\\x7f-\\x9f]*$"`
	// Names the request: a second one for the same checkoutToken and requestId makes
	// no second session. 1 to 200 bytes of UTF-8 without control characters.
	RequestID string `json:"requestId,omitzero" jsonschema:"minLength=1,maxLength=200,pattern=^[^\\x00-\\x1f\\x7f-\\x9f]*$"`
	// The payer; at least one field.
	Customer *Customer `json:"customer" jsonschema:"required"`
	// The billing system's own id of the invoice. Never goes to the vendor; comes back
	// in the result.
	InvoiceID string `json:"invoiceId,omitzero"`
	// Any JSON object of the billing system's own, at most 64 KiB. Never goes to the
	// vendor; comes back in the result.
	Metadata jsontext.Value `json:"metadata,omitzero"`
}
