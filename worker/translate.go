package worker

import (
	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
)

// The billing systems' words and the vendor's are the same today; translating them field by field keeps it no more than a
// coincidence.

func vendorItems(items []events.Item) []conomy.Item {
	out := make([]conomy.Item, len(items))
	for i, item := range items {
		out[i] = conomy.Item{
			PreTaxAmount: string(item.PreTaxAmount), TotalAmount: string(item.TotalAmount), Description: item.Description,
		}
		if t := item.Tax; t != nil {
			out[i].Tax = &conomy.Tax{Name: t.Name, Type: t.Type, Value: string(t.Value), Amount: string(t.Amount)}
		}
	}
	return out
}

func vendorDestinations(destinations []events.Destination) []conomy.Destination {
	out := make([]conomy.Destination, len(destinations))
	for i, d := range destinations {
		out[i] = conomy.Destination{
			Type: d.Type, Amount: string(d.Amount), Currency: d.Currency, Name: d.Name, ExternalID: d.ExternalID,
		}
		if d.Identity != nil {
			out[i].Identity = &conomy.Identity{IdentityID: d.Identity.IdentityID}
		}
		if a := d.Account; a != nil {
			out[i].Account = &conomy.Account{
				AccountNumber: a.AccountNumber, Type: a.Type, Currency: a.Currency, AccountHolder: a.AccountHolder,
			}
		}
		if m := d.Metadata; m != nil {
			out[i].Metadata = &conomy.DestinationMetadata{Image: m.Image, Description: m.Description, Category: m.Category}
		}
	}
	return out
}

func vendorOwner(o *events.Owner) conomy.Owner {
	if o == nil {
		return conomy.Owner{}
	}
	return conomy.Owner{
		IdentityID: o.IdentityID, Name: o.Name, Lastname: o.Lastname, Nickname: o.Nickname,
		DocumentNumber: o.DocumentNumber, EntityType: o.EntityType,
	}
}

func vendorCustomer(c *events.Customer) *conomy.Customer {
	if c == nil {
		return nil
	}
	out := &conomy.Customer{
		ID: c.ID, FirstName: c.FirstName, LastName: c.LastName, Email: c.Email, PhoneNumber: c.PhoneNumber,
		PhoneNumberPrefix: c.PhoneNumberPrefix, DocumentType: c.DocumentType, DocumentNumber: c.DocumentNumber,
	}
	if a := c.Address; a != nil {
		out.Address = &conomy.Address{
			AdministrativeAreaLevel1: a.AdministrativeAreaLevel1, AdministrativeAreaLevel2: a.AdministrativeAreaLevel2,
			AdministrativeAreaLevel3: a.AdministrativeAreaLevel3, Street: a.Street, StreetNumber: a.StreetNumber,
			OptionalAddress: a.OptionalAddress, Country: a.Country, Zipcode: a.Zipcode,
		}
	}
	return out
}
