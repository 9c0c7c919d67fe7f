package events

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// LinkCreated is the data of [SubjectLinkCreated]: one per invoice and one per
// session request. Optional fields are absent when not known, never null.
type LinkCreated struct {
	// What was made: a payment link or a checkout session.
	Kind Kind `json:"kind" jsonschema:"required"`
	// The token of the link.
	CheckoutToken string `json:"checkoutToken" jsonschema:"required,minLength=1,maxLength=200"`
	// The hosted page where the payer pays.
	URL string `json:"url" jsonschema:"required,format=uri,minLength=1"`
	// The vendor's id of the link.
	LinkID string `json:"linkId,omitzero"`
	// The vendor's id of the session; only where kind is checkout_session.
	SessionID string `json:"sessionId,omitzero"`
	// The vendor's status, such as ACTIVE or PENDING; an open set.
	Status string `json:"status,omitzero"`
	// Until when it can be paid: of a link its creation and its duration.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Total of the items.
	Amount Amount `json:"amount,omitzero"`
	// Currency of the amount.
	Currency string `json:"currency,omitzero"`
	// Whom to tell, as the event gave it.
	Customer *PublicCustomer `json:"customer,omitzero"`
	// The billing system's own id of the invoice, as the event gave it.
	InvoiceID string `json:"invoiceId,omitzero"`
	// The billing system's own object, as the event gave it.
	Metadata jsontext.Value `json:"metadata,omitzero"`
	// The request's own id, as the event gave it.
	RequestID string `json:"requestId,omitzero"`
	// When it was made.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// The event that asked: its CloudEvents source#id, else its Nats-Msg-Id.
	CausationID string `json:"causationId,omitzero"`
}

// LinkFailed is the data of [SubjectLinkFailed]: one per dead letter. It speaks
// of one event and is not final: a replay may bring link.created, and it never
// takes one back.
type LinkFailed struct {
	// What was asked for: a payment link or a checkout session.
	Kind Kind `json:"kind" jsonschema:"required"`
	// The token of the link, where it could be read.
	CheckoutToken string `json:"checkoutToken,omitzero" jsonschema:"maxLength=200"`
	// Why: invalid_event, conflict, rejected, exhausted or panic. More may be added.
	Reason string `json:"reason" jsonschema:"required,minLength=1"`
	// The vendor's error code, where the vendor refused.
	Code string `json:"code,omitzero"`
	// What a person should know of it. Holds no values of the payer.
	Detail string `json:"detail,omitzero"`
	// The vendor's trace id, which its support asks for.
	TraceID string `json:"traceId,omitzero"`
	// The billing system's own id of the invoice, as the event gave it.
	InvoiceID string `json:"invoiceId,omitzero"`
	// The billing system's own object, as the event gave it.
	Metadata jsontext.Value `json:"metadata,omitzero"`
	// The request's own id, as the event gave it.
	RequestID string `json:"requestId,omitzero"`
	// The event that asked: its CloudEvents source#id, else its Nats-Msg-Id.
	CausationID string `json:"causationId,omitzero"`
	// The id of the dead letter.
	DeadLetter string `json:"deadLetter" jsonschema:"required,minLength=1"`
	// When it was given up.
	FailedAt time.Time `json:"failedAt,omitzero" jsonschema:"required"`
}
