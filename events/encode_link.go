package events

import (
	"bytes"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/go-faster/jx"
	"github.com/go-json-experiment/json/jsontext"
)

// text writes the data as json.Marshal would, and for a quarter of what that
// costs: there is one for each link.
func (l *LinkCreated) text() ([]byte, error) {
	e := jx.GetEncoder()
	defer jx.PutEncoder(e)
	e.ObjStart()
	required(e, "kind", string(l.Kind))
	required(e, "checkoutToken", l.CheckoutToken)
	required(e, "url", l.URL)
	optional(e, "linkId", l.LinkID)
	optional(e, "sessionId", l.SessionID)
	optional(e, "status", l.Status)
	bad := moment(e, "expiresAt", l.ExpiresAt)
	optional(e, "amount", string(l.Amount))
	optional(e, "currency", l.Currency)
	if c := l.Customer; c != nil {
		e.FieldStart("customer")
		e.ObjStart()
		optional(e, "firstName", c.FirstName)
		optional(e, "lastName", c.LastName)
		optional(e, "email", c.Email)
		optional(e, "phoneNumber", c.PhoneNumber)
		optional(e, "phoneNumberPrefix", c.PhoneNumberPrefix)
		e.ObjEnd()
	}
	optional(e, "invoiceId", l.InvoiceID)
	bad = errors.Join(bad, raw(e, "metadata", l.Metadata))
	optional(e, "requestId", l.RequestID)
	bad = errors.Join(bad, moment(e, "createdAt", l.CreatedAt))
	optional(e, "causationId", l.CausationID)
	e.ObjEnd()
	if !utf8.Valid(e.Bytes()) {
		return nil, errors.New("a text that is not valid UTF-8")
	}
	return bytes.Clone(e.Bytes()), bad
}

func required(e *jx.Encoder, name, value string) {
	e.FieldStart(name)
	e.Str(value)
}

func optional(e *jx.Encoder, name, value string) {
	if value != "" {
		required(e, name, value)
	}
}

// moment writes a time as RFC 3339 has it, https://www.rfc-editor.org/rfc/rfc3339
func moment(e *jx.Encoder, name string, t time.Time) error {
	if t.IsZero() {
		return nil
	}
	if y := t.Year(); y < 0 || y > 9999 {
		return errors.New("a time out of range")
	}
	var text [len(time.RFC3339Nano)]byte
	e.FieldStart(name)
	e.ByteStr(t.AppendFormat(text[:0], time.RFC3339Nano))
	return nil
}

// raw writes a JSON value without the blanks in it.
func raw(e *jx.Encoder, name string, value jsontext.Value) error {
	if len(value) == 0 {
		return nil
	}
	compact, err := jsontext.AppendFormat(nil, value)
	if err != nil {
		return err
	}
	e.FieldStart(name)
	e.Raw(compact)
	return nil
}
