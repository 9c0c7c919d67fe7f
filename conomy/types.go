package conomy

import (
	"fmt"
	"io"
	"log/slog"
)

// Item is one line of what is paid for. Amounts are decimal strings in the
// link's currency.
type Item struct {
	PreTaxAmount string `json:"preTaxAmount"`
	TotalAmount  string `json:"totalAmount"`
	Description  string `json:"description"`
	Tax          *Tax   `json:"tax,omitempty"`
}

// Tax is the tax of one [Item]. Type is FIXED or PERCENTAGE; Value and Amount
// are decimal strings.
type Tax struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Value  string `json:"value"`
	Amount string `json:"amount"`
}

// Destination is where a part of the money goes. Type is ACCOUNT; Amount is a
// decimal string.
type Destination struct {
	Type       string               `json:"type"`
	Amount     string               `json:"amount"`
	Currency   string               `json:"currency,omitempty"`
	Identity   *Identity            `json:"identity,omitempty"`
	Account    *Account             `json:"account,omitempty"`
	Name       string               `json:"name,omitempty"`
	ExternalID string               `json:"externalId,omitempty"`
	Metadata   *DestinationMetadata `json:"metadata,omitempty"`
}

// Identity refers to an identity at the provider.
type Identity struct {
	IdentityID string `json:"identityId"`
}

// Account is an account at the provider, known by its number.
type Account struct {
	AccountNumber string `json:"accountNumber"`
	Type          string `json:"type,omitempty"`
	Currency      string `json:"currency,omitempty"`
	AccountHolder string `json:"accountHolder,omitempty"`
}

// DestinationMetadata describes a destination to payers.
type DestinationMetadata struct {
	Image       string `json:"image"`
	Description string `json:"description"`
	Category    string `json:"category"`
}

// Owner is the merchant's identity, which a link belongs to.
type Owner struct {
	IdentityID     string `json:"identityId"`
	Name           string `json:"name,omitempty"`
	Lastname       string `json:"lastname,omitempty"`
	Nickname       string `json:"nickname,omitempty"`
	DocumentNumber string `json:"documentNumber,omitempty"`
	EntityType     string `json:"entityType,omitempty"`
}

// Customer is the payer. It prints as ***.
type Customer struct {
	ID                string   `json:"id,omitempty"` // the provider's id of the customer
	FirstName         string   `json:"firstName,omitempty"`
	LastName          string   `json:"lastName,omitempty"`
	Email             string   `json:"email,omitempty"`
	PhoneNumber       string   `json:"phoneNumber,omitempty"`
	PhoneNumberPrefix string   `json:"phoneNumberPrefix,omitempty"`
	DocumentType      string   `json:"documentType,omitempty"`
	DocumentNumber    string   `json:"documentNumber,omitempty"`
	Address           *Address `json:"address,omitempty"`
}

// Format prints *** for every verb.
func (Customer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns ***.
func (Customer) LogValue() slog.Value { return slog.StringValue(redacted) }

// Address is a payer's address. Country is an ISO 3166-1 alpha-3 code. It
// prints as ***.
type Address struct {
	AdministrativeAreaLevel1 string `json:"administrativeAreaLevel1,omitempty"`
	AdministrativeAreaLevel2 string `json:"administrativeAreaLevel2,omitempty"`
	AdministrativeAreaLevel3 string `json:"administrativeAreaLevel3,omitempty"`
	Street                   string `json:"street,omitempty"`
	StreetNumber             string `json:"streetNumber,omitempty"`
	OptionalAddress          string `json:"optionalAddress,omitempty"`
	Country                  string `json:"country,omitempty"`
	Zipcode                  string `json:"zipcode,omitempty"`
}

// Format prints *** for every verb.
func (Address) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns ***.
func (Address) LogValue() slog.Value { return slog.StringValue(redacted) }

// values lists what no error text may show of the payer. The document's type
// and the phone's prefix stay out: they are no one's own, and masking "RUT" or
// "56" would spoil texts that speak of something else.
func (c *Customer) values() []string {
	if c == nil {
		return nil
	}
	v := []string{c.ID, c.FirstName, c.LastName, c.Email, c.PhoneNumber, c.DocumentNumber}
	if a := c.Address; a != nil {
		v = append(v, a.Street, a.StreetNumber, a.OptionalAddress, a.Zipcode,
			a.AdministrativeAreaLevel2, a.AdministrativeAreaLevel3)
	}
	return v
}
