package events

// Customer is a payer. Every field is optional, and an empty one is an absent
// one. It is personal data: it belongs in no log and no error text.
type Customer struct {
	// The vendor's id of the customer.
	ID string `json:"id,omitzero"`
	// First name.
	FirstName string `json:"firstName,omitzero"`
	// Last name.
	LastName string `json:"lastName,omitzero"`
	// E-mail address.
	Email string `json:"email,omitzero"`
	// Phone number without prefix.
	PhoneNumber string `json:"phoneNumber,omitzero"`
	// Phone number prefix, such as +57.
	PhoneNumberPrefix string `json:"phoneNumberPrefix,omitzero"`
	// Type of the identity document, such as RUT or CURP.
	DocumentType string `json:"documentType,omitzero"`
	// Number of the identity document.
	DocumentNumber string `json:"documentNumber,omitzero"`
	// Postal address.
	Address *Address `json:"address,omitzero"`
}

// Address is a payer's postal address.
type Address struct {
	// First-level administrative division.
	AdministrativeAreaLevel1 string `json:"administrativeAreaLevel1,omitzero"`
	// Second-level administrative division.
	AdministrativeAreaLevel2 string `json:"administrativeAreaLevel2,omitzero"`
	// Third-level administrative division.
	AdministrativeAreaLevel3 string `json:"administrativeAreaLevel3,omitzero"`
	// Street.
	Street string `json:"street,omitzero"`
	// Number in the street.
	StreetNumber string `json:"streetNumber,omitzero"`
	// Further lines.
	OptionalAddress string `json:"optionalAddress,omitzero"`
	// Country, ISO 3166-1 alpha-3.
	Country string `json:"country,omitzero"`
	// Postal code.
	Zipcode string `json:"zipcode,omitzero"`
}

// PublicCustomer is the part of a payer that a notifier needs, and the only part
// that [LinkCreated] carries: documents and address stay behind.
type PublicCustomer struct {
	// First name.
	FirstName string `json:"firstName,omitzero"`
	// Last name.
	LastName string `json:"lastName,omitzero"`
	// E-mail address.
	Email string `json:"email,omitzero"`
	// Phone number without prefix.
	PhoneNumber string `json:"phoneNumber,omitzero"`
	// Phone number prefix, such as +57.
	PhoneNumberPrefix string `json:"phoneNumberPrefix,omitzero"`
}

// Public is what of the customer may be published, nil where that is nothing.
func (c *Customer) Public() *PublicCustomer {
	if c == nil {
		return nil
	}
	p := PublicCustomer{
		FirstName: c.FirstName, LastName: c.LastName, Email: c.Email,
		PhoneNumber: c.PhoneNumber, PhoneNumberPrefix: c.PhoneNumberPrefix,
	}
	if p == (PublicCustomer{}) {
		return nil
	}
	return &p
}

// empty says that no field has a value.
func (c *Customer) empty() bool {
	if c == nil {
		return true
	}
	bare := *c
	bare.Address = nil
	return bare == Customer{} && (c.Address == nil || *c.Address == Address{})
}
