package terms

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/go-faster/jx"

	"github.com/linkworker/linkworker/events"
)

// Encode writes terms as they are recorded: as json.Marshal would, and for a quarter of what that costs.
func (t *Terms) Encode() ([]byte, error) {
	w := writer{jx.GetEncoder()}
	defer jx.PutEncoder(w.Encoder)
	w.terms(t)
	if !utf8.Valid(w.Bytes()) {
		return nil, errors.New("terms with a text that is not valid UTF-8")
	}
	return bytes.Clone(w.Bytes()), nil
}

type writer struct{ *jx.Encoder }

func (w writer) terms(t *Terms) {
	w.ObjStart()
	w.text("currency", t.Currency)
	list(w, "items", t.Items, w.item)
	if t.Destinations != nil {
		list(w, "destinations", t.Destinations, w.destination)
	}
	if t.Owner != nil {
		w.FieldStart("owner")
		w.owner(t.Owner)
	}
	if t.Rest != nil {
		w.FieldStart("rest")
		w.rest(t.Rest)
	}
	w.ObjEnd()
}

func (w writer) item(i *events.Item) {
	w.ObjStart()
	w.text("preTaxAmount", string(i.PreTaxAmount))
	w.text("totalAmount", string(i.TotalAmount))
	w.text("description", i.Description)
	if tax := i.Tax; tax != nil {
		w.FieldStart("tax")
		w.ObjStart()
		w.text("name", tax.Name)
		w.text("type", tax.Type)
		w.text("value", string(tax.Value))
		w.text("amount", string(tax.Amount))
		w.ObjEnd()
	}
	w.ObjEnd()
}

func (w writer) destination(d *events.Destination) {
	w.ObjStart()
	w.text("type", d.Type)
	w.optional("amount", string(d.Amount))
	w.optional("currency", d.Currency)
	if d.Identity != nil {
		w.FieldStart("identity")
		w.ObjStart()
		w.text("identityId", d.Identity.IdentityID)
		w.ObjEnd()
	}
	if a := d.Account; a != nil {
		w.FieldStart("account")
		w.ObjStart()
		w.text("accountNumber", a.AccountNumber)
		w.optional("type", a.Type)
		w.optional("currency", a.Currency)
		w.optional("accountHolder", a.AccountHolder)
		w.ObjEnd()
	}
	w.optional("name", d.Name)
	w.optional("externalId", d.ExternalID)
	if m := d.Metadata; m != nil {
		w.FieldStart("metadata")
		w.ObjStart()
		w.optional("image", m.Image)
		w.optional("description", m.Description)
		w.optional("category", m.Category)
		w.ObjEnd()
	}
	w.ObjEnd()
}

func (w writer) owner(o *events.Owner) {
	w.ObjStart()
	w.text("identityId", o.IdentityID)
	w.optional("name", o.Name)
	w.optional("lastname", o.Lastname)
	w.optional("nickname", o.Nickname)
	w.optional("documentNumber", o.DocumentNumber)
	w.optional("entityType", o.EntityType)
	w.ObjEnd()
}

func (w writer) rest(r *Rest) {
	w.ObjStart()
	w.texts("paymentMethodsAllowed", r.PaymentMethodsAllowed)
	if r.Duration != 0 {
		w.FieldStart("duration")
		w.Int64(r.Duration)
	}
	w.texts("customerRequirements", r.CustomerRequirements)
	w.optional("successUrl", r.SuccessURL)
	w.optional("failedUrl", r.FailedURL)
	w.ObjEnd()
}

func (w writer) text(name, value string) {
	w.FieldStart(name)
	w.Str(value)
}

func (w writer) optional(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w writer) texts(name string, values []string) {
	if values == nil {
		return
	}
	list(w, name, values, func(value *string) { w.Str(*value) })
}

func list[T any](w writer, name string, values []T, write func(*T)) {
	w.FieldStart(name)
	w.ArrStart()
	for i := range values {
		write(&values[i])
	}
	w.ArrEnd()
}
