package events

import "github.com/go-json-experiment/json/jsontext"

// Invoice is the data of [SubjectInvoiceIssued]: an invoice for which one payment
// link is to be made. Field names are those of the vendor's create request.
// checkoutToken, currency and items are required; what else is left out, the
// worker fills in from the merchant's defaults.
type Invoice struct {
	// The merchant's own name for the link, unique for ever: an invoice is one per
	// checkoutToken. 1 to 200 bytes of UTF-8 without control characters.
	CheckoutToken string `json:"checkoutToken" jsonschema:"required,minLength=1,maxLength=200,pattern=^[^\\x00-\\x1f\\x7f-\\x9f]*$"`
	// Currency of the invoice: an ISO 4217 code, or USDC or USDT.
	Currency string `json:"currency" jsonschema:"required,pattern=^[A-Z]{3\\,5}$"`
	// What is to be paid for; at least one item.
	Items []Item `json:"items" jsonschema:"required,minItems=1"`
	// Payment methods on offer, such as CARD or PIX. Not held to a list, because the
	// vendor's list grows.
	PaymentMethodsAllowed []string `json:"paymentMethodsAllowed,omitzero" jsonschema:"minItems=1"`
	// Where the money goes. At most one destination may lack an amount: it gets the
	// rest of the items' total.
	Destinations []Destination `json:"destinations,omitzero" jsonschema:"minItems=1"`
	// How long the link can be paid, from its creation: whole seconds, written without
	// fraction or exponent.
	Duration int64 `json:"duration,omitzero" jsonschema:"minimum=30,maximum=9223372036"`
	// On whose behalf the link is made.
	Owner *Owner `json:"owner,omitzero"`
	// Customer fields that the checkout page must ask for, such as email. An empty
	// list asks for none.
	CustomerRequirements []string `json:"customerRequirements,omitzero"`
	// Where the payer goes after a payment: an absolute http or https URL.
	SuccessURL string `json:"successUrl,omitzero" jsonschema:"format=uri,pattern=^[Hh][Tt][Tt][Pp][Ss]?://"`
	// Where the payer goes after a failed or cancelled payment: an absolute http or
	// https URL.
	FailedURL string `json:"failedUrl,omitzero" jsonschema:"format=uri,pattern=^[Hh][Tt][Tt][Pp][Ss]?://"`
	// The payer, as far as known.
	Customer *Customer `json:"customer,omitzero"`
	// The billing system's own id of the invoice. Never goes to the vendor; comes back
	// in the result.
	InvoiceID string `json:"invoiceId,omitzero"`
	// Any JSON object of the billing system's own, at most 64 KiB. Never goes to the
	// vendor; comes back in the result.
	Metadata jsontext.Value `json:"metadata,omitzero"`
}

// Item is one line of an invoice.
type Item struct {
	// Amount before tax.
	PreTaxAmount Amount `json:"preTaxAmount" jsonschema:"required"`
	// Amount with tax.
	TotalAmount Amount `json:"totalAmount" jsonschema:"required"`
	// What the payer reads on the checkout page.
	Description string `json:"description" jsonschema:"required,minLength=1"`
	// The tax in the total amount.
	Tax *Tax `json:"tax,omitzero"`
}

// Tax is the tax on one item. All its fields are required.
type Tax struct {
	// Name of the tax, such as IVA.
	Name string `json:"name" jsonschema:"required,minLength=1"`
	// Whether value is an amount or a percentage.
	Type string `json:"type" jsonschema:"required,enum=FIXED,enum=PERCENTAGE"`
	// The rate, or the fixed amount.
	Value Amount `json:"value" jsonschema:"required"`
	// The tax as calculated.
	Amount Amount `json:"amount" jsonschema:"required"`
}

// The two types of a [Tax].
const (
	TaxFixed      = "FIXED"
	TaxPercentage = "PERCENTAGE"
)

// Destination is a receiver of the money, or of a part of it.
type Destination struct {
	// Type of the receiver, such as ACCOUNT.
	Type string `json:"type" jsonschema:"required,minLength=1"`
	// The part of the money. At most one destination may leave it out: that one gets
	// the rest.
	Amount Amount `json:"amount,omitzero"`
	// Currency of the amount.
	Currency string `json:"currency,omitzero" jsonschema:"pattern=^[A-Z]{3\\,5}$"`
	// Whose destination it is.
	Identity *Identity `json:"identity,omitzero"`
	// The account, where type is ACCOUNT.
	Account *Account `json:"account,omitzero"`
	// Name of the receiver.
	Name string `json:"name,omitzero"`
	// The receiver's id in another system.
	ExternalID string `json:"externalId,omitzero"`
	// What the vendor shows of the receiver.
	Metadata *DestinationMetadata `json:"metadata,omitzero"`
}

// Identity names one of the vendor's identities.
type Identity struct {
	// The vendor's id of the identity.
	IdentityID string `json:"identityId" jsonschema:"required,minLength=1"`
}

// Account is an account at the vendor.
type Account struct {
	// The vendor's number of the account.
	AccountNumber string `json:"accountNumber" jsonschema:"required,minLength=1"`
	// Type of the account.
	Type string `json:"type,omitzero"`
	// Currency in which the account is held.
	Currency string `json:"currency,omitzero" jsonschema:"pattern=^[A-Z]{3\\,5}$"`
	// Name of the account's owner.
	AccountHolder string `json:"accountHolder,omitzero"`
}

// DestinationMetadata is what the vendor shows of a destination.
type DestinationMetadata struct {
	// An image of the destination.
	Image string `json:"image,omitzero"`
	// A short description.
	Description string `json:"description,omitzero"`
	// Its category.
	Category string `json:"category,omitzero"`
}

// Owner is the identity on whose behalf a link is made.
type Owner struct {
	// The vendor's id of the identity.
	IdentityID string `json:"identityId" jsonschema:"required,minLength=1"`
	// First name.
	Name string `json:"name,omitzero"`
	// Last name.
	Lastname string `json:"lastname,omitzero"`
	// Nickname.
	Nickname string `json:"nickname,omitzero"`
	// Number of an identity document.
	DocumentNumber string `json:"documentNumber,omitzero"`
	// Type of the entity.
	EntityType string `json:"entityType,omitzero"`
}
