package events

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

const (
	goodItem    = `{"preTaxAmount":"100","totalAmount":"119","description":"Plan"}`
	goodInvoice = `{"checkoutToken":"inv-1","currency":"CLP","items":[` + goodItem + `]}`
	goodSession = `{"checkoutToken":"inv-1","customer":{"email":"jane@example.com"}}`
	fullInvoice = `{"checkoutToken":"inv/1 ünï","currency":"USDC","items":[{"preTaxAmount":"100","totalAmount":"119",
		"description":"Plan","tax":{"name":"IVA","type":"PERCENTAGE","value":"19","amount":"19.00"}}],
		"paymentMethodsAllowed":["CARD","SOMETHING_NEW"],"destinations":[{"type":"ACCOUNT","currency":"CLP","amount":null,
		"identity":{"identityId":"id-1"},"account":{"accountNumber":"42","type":"T","currency":"CLP","accountHolder":"H"},
		"name":"n","externalId":"x","metadata":{"image":"i","description":"d","category":"c"}}],
		"duration":30,"owner":{"identityId":"o-1","name":"n","lastname":"l","nickname":"k","documentNumber":"1","entityType":"e"},
		"customerRequirements":["email"],"successUrl":"https://shop.example/ok?x={checkoutToken}","failedUrl":"http://shop.example",
		"customer":{"firstName":"Jane","address":{"street":"S"}},"invoiceId":"i-9","metadata":{"a":1.10,"b":[null,"<&>"]}}`
)

// invoiceWith is a good invoice with further members.
func invoiceWith(members string) string {
	return strings.TrimSuffix(goodInvoice, "}") + "," + members + "}"
}

func sessionWith(members string) string {
	return strings.TrimSuffix(goodSession, "}") + "," + members + "}"
}

func invoiceOfItems(items string) string {
	return `{"checkoutToken":"inv-1","currency":"CLP","items":` + items + `}`
}

func TestDecodeAcceptsWhatTheRulesAllow(t *testing.T) {
	metadata := `{"m":"` + strings.Repeat("x", MaxMetadataBytes-len(`{"m":""}`)) + `"}`
	for name, data := range map[string]string{
		"the least":               goodInvoice,
		"all fields":              fullInvoice,
		"null is absent":          invoiceWith(`"duration":null,"owner":null,"customer":null,"destinations":null,"successUrl":null,"metadata":null,"invoiceId":null,"paymentMethodsAllowed":null`),
		"unknown fields":          invoiceWith(`"somethingNew":{"a":[1e999999999,null]},"requestId":5`),
		"empty free text":         invoiceWith(`"invoiceId":"","customer":{"email":""}`),
		"another case is unknown": invoiceWith(`"Duration":"x","CURRENCY":7`),
		"no requirements":         invoiceWith(`"customerRequirements":[]`),
		"longest duration":        invoiceWith(`"duration":9223372036`),
		"200 bytes of token":      strings.Replace(goodInvoice, "inv-1", strings.Repeat("ü", 100), 1),
		"odd token":               strings.Replace(goodInvoice, "inv-1", `../a b%2F\"\\<&>`, 1),
		"metadata of 64 KiB":      invoiceWith(`"metadata":` + metadata),
		"space around metadata":   invoiceWith(`"metadata": ` + metadata + "  "),
		"empty metadata":          invoiceWith(`"metadata":{}`),
		"escaped amount":          invoiceOfItems(strings.Replace("["+goodItem+"]", `"100"`, `"\u0031"`, 1)),
		"negative amount":         invoiceOfItems(strings.Replace("["+goodItem+"]", `"100"`, `"-100.000000000000000001"`, 1)),
		"amount above zero or not": invoiceOfItems(strings.Replace("["+goodItem+"]",
			`"100"`, `"000000000000000000.0"`, 1)),
		"two destinations, one open": invoiceWith(`"destinations":[{"type":"ACCOUNT"},{"type":"PIX","amount":"1"}]`),
		"URL in capitals":            invoiceWith(`"successUrl":"HTTPS://SHOP.EXAMPLE/x"`),
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Decode(SubjectInvoiceIssued, nil, []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			if e.Invoice == nil || e.Session != nil || e.Kind != KindPaymentLink || e.Token() == "" {
				t.Errorf("got %+v", e)
			}
			if err := Validate(SubjectInvoiceIssued, []byte(data)); err != nil {
				t.Errorf("Validate: %v", err)
			}
		})
	}
}

func TestDecodeReadsEveryField(t *testing.T) {
	e, err := Decode(SubjectInvoiceIssued, nil, []byte(fullInvoice))
	if err != nil {
		t.Fatal(err)
	}
	inv := e.Invoice
	for name, got := range map[string][2]any{
		"token":        {e.Token(), "inv/1 ünï"},
		"tax":          {*inv.Items[0].Tax, Tax{"IVA", TaxPercentage, "19", "19.00"}},
		"methods":      {strings.Join(inv.PaymentMethodsAllowed, " "), "CARD SOMETHING_NEW"},
		"account":      {*inv.Destinations[0].Account, Account{"42", "T", "CLP", "H"}},
		"identity":     {inv.Destinations[0].Identity.IdentityID, "id-1"},
		"external":     {inv.Destinations[0].ExternalID, "x"},
		"shown":        {*inv.Destinations[0].Metadata, DestinationMetadata{"i", "d", "c"}},
		"rest":         {inv.Destinations[0].Amount, Amount("")},
		"duration":     {inv.Duration, int64(30)},
		"owner":        {*inv.Owner, Owner{"o-1", "n", "l", "k", "1", "e"}},
		"requirements": {inv.CustomerRequirements[0], "email"},
		"success":      {inv.SuccessURL, "https://shop.example/ok?x={checkoutToken}"},
		"failed":       {inv.FailedURL, "http://shop.example"},
		"street":       {e.Customer().Address.Street, "S"},
		"invoice":      {e.InvoiceID(), "i-9"},
		"request":      {e.RequestID(), ""},
		"metadata":     {string(e.Metadata()), `{"a":1.10,"b":[null,"<&>"]}`},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: got %v, want %v", name, got[0], got[1])
		}
	}
}

func TestDecodeReadsASession(t *testing.T) {
	e, err := Decode(SubjectSessionRequested, nil, []byte(sessionWith(`"requestId":"r1","invoiceId":"i","metadata":{"k":1}`)))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(e.Kind, e.Token(), e.RequestID(), e.InvoiceID(), string(e.Metadata()), e.Customer().Email, e.Invoice == nil)
	if want := fmt.Sprint(KindCheckoutSession, "inv-1", "r1", "i", `{"k":1}`, "jane@example.com", true); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestExplicitEmptyListIsKept(t *testing.T) {
	e, err := Decode(SubjectInvoiceIssued, nil, []byte(invoiceWith(`"customerRequirements":[]`)))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Invoice.CustomerRequirements; got == nil || len(got) != 0 {
		t.Errorf("got %#v, want an empty list that is not nil", got)
	}
}

func TestDecodeNamesEveryBadField(t *testing.T) {
	for name, tt := range invalidInvoices {
		t.Run(name, func(t *testing.T) {
			e, err := Decode(SubjectInvoiceIssued, nil, []byte(tt.data))
			invalid := wantInvalid(t, e, err)
			if got := paths(invalid); !slices.Equal(got, tt.paths) {
				t.Errorf("got  %q\nwant %q", got, tt.paths)
			}
			for _, path := range tt.paths {
				if !strings.Contains(err.Error(), path) {
					t.Errorf("%q does not name %s", err, path)
				}
			}
			var again *InvalidError
			if !errors.As(Validate(SubjectInvoiceIssued, []byte(tt.data)), &again) || !slices.Equal(paths(again), tt.paths) {
				t.Errorf("Validate: got %v", again)
			}
		})
	}
}

func TestDecodeNamesEveryBadFieldOfASession(t *testing.T) {
	for name, tt := range map[string]struct {
		data  string
		paths []string
	}{
		"nothing in it":           {`{}`, []string{"checkoutToken", "customer"}},
		"customer null":           {`{"checkoutToken":"a","customer":null}`, []string{"customer"}},
		"customer empty":          {`{"checkoutToken":"a","customer":{}}`, []string{"customer"}},
		"customer of nulls":       {`{"checkoutToken":"a","customer":{"email":null}}`, []string{"customer"}},
		"customer of empties":     {`{"checkoutToken":"a","customer":{"email":"","address":{"street":""}}}`, []string{"customer"}},
		"customer of the unknown": {`{"checkoutToken":"a","customer":{"mail":"x"}}`, []string{"customer"}},
		"customer of a type":      {`{"checkoutToken":"a","customer":{"email":1}}`, []string{"customer.email"}},
		"request empty":           {sessionWith(`"requestId":""`), []string{"requestId"}},
		"request long":            {sessionWith(`"requestId":"` + strings.Repeat("x", 201) + `"`), []string{"requestId"}},
		"request with a tab":      {sessionWith(`"requestId":"a\tb"`), []string{"requestId"}},
		"request a number":        {sessionWith(`"requestId":7`), []string{"requestId"}},
		"metadata a list":         {sessionWith(`"metadata":[]`), []string{"metadata"}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Decode(SubjectSessionRequested, nil, []byte(tt.data))
			if got := paths(wantInvalid(t, e, err)); !slices.Equal(got, tt.paths) {
				t.Errorf("got  %q\nwant %q", got, tt.paths)
			}
		})
	}
}

func TestErrorsQuoteNoValues(t *testing.T) {
	const secret = "s3cr3t-Jane"
	for _, data := range []string{
		invoiceWith(`"customer":{"email":["` + secret + `"]}`),
		invoiceWith(`"successUrl":"` + secret + `"`),
		invoiceWith(`"currency":"` + secret + `"`),
		invoiceWith(`"metadata":{"` + secret + `":1,"` + secret + `":2}`),
		invoiceWith(`"metadata":{"` + secret + "\xff" + `":1}`),
		invoiceOfItems(`[{"preTaxAmount":"` + secret + `","totalAmount":"1","description":"x","tax":{"name":"n","type":"` + secret + `","value":"1","amount":"1"}}]`),
		strings.Replace(goodInvoice, "inv-1", secret+`\n`, 1),
		goodInvoice + secret,
		`{"` + secret + `"`,
	} {
		e, err := Decode(SubjectInvoiceIssued, nil, []byte(data))
		invalid := wantInvalid(t, e, err)
		if text := fmt.Sprint(err, invalid.Fields); strings.Contains(text, secret) {
			t.Errorf("%s tells a value of %s", text, data)
		}
	}
}

func TestErrorIsBounded(t *testing.T) {
	e, err := Decode(SubjectInvoiceIssued, nil, []byte(invoiceOfItems(`[`+strings.Repeat(`{},`, 500)+`{}]`)))
	invalid := wantInvalid(t, e, err)
	if len(invalid.Fields) != maxFaults {
		t.Errorf("%d fields, want %d", len(invalid.Fields), maxFaults)
	}
	text := err.Error()
	if len(text) > maxErrorBytes || strings.ContainsAny(text, "\r\n") || !strings.HasSuffix(text, " more") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

func TestInvalidErrorCarriesWhatCanBeRead(t *testing.T) {
	const rest = `"checkoutToken":"tok","invoiceId":"i","requestId":"r","metadata":{"k":1}`
	large := `,"x":"` + strings.Repeat("x", MaxEventBytes) + `"}`
	encoded := base64.StdEncoding.EncodeToString([]byte(`{` + rest + `}`))
	for name, data := range map[string]string{
		"bad field":             `{"customer":5,` + rest + `}`,
		"cut off":               `{` + rest + `,"customer":{"email":"ja`,
		"rubbish after":         `{` + rest + `}}`,
		"name twice":            `{` + rest + `,"checkoutToken":"other"}`,
		"too large":             `{` + rest + large,
		"too large, rest after": `{"x":"` + strings.Repeat("x", MaxEventBytes) + `",` + rest + `}`,
		"structured":            `{"specversion":"1.0","id":"1","source":"/s","data":{` + rest + `}}`,
		"structured, cut off":   `{"specversion":"1.0","id":"1","source":"/s","data":{` + rest + `,"customer":`,
		"structured, too large": `{"specversion":"1.0","id":"1","source":"/s","data":{` + rest + large + `}`,
		"base64":                `{"specversion":"1.0","id":"1","source":"/s","data_base64":"` + encoded + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Decode(SubjectSessionRequested, nil, []byte(data))
			got := wantInvalid(t, e, err)
			if got.Token != "tok" || got.InvoiceID != "i" || got.RequestID != "r" || string(got.Metadata) != `{"k":1}` {
				t.Errorf("got %q %q %q %s", got.Token, got.InvoiceID, got.RequestID, got.Metadata)
			}
			if strings.HasPrefix(data, `{"specversion"`) && (got.ID != "1" || got.Source != "/s") {
				t.Errorf("got identity %q %q", got.Source, got.ID)
			}
			if got.Kind != KindCheckoutSession || got.Subject != SubjectSessionRequested {
				t.Errorf("got %q %q", got.Kind, got.Subject)
			}
		})
	}
}

func TestInvalidErrorCarriesNothingThatBreaksARule(t *testing.T) {
	data := `{"checkoutToken":"a\u0000","requestId":"` + strings.Repeat("r", 201) + `","invoiceId":7,"metadata":{"a":1,"a":2}}`
	e, err := Decode(SubjectSessionRequested, nil, []byte(data))
	got := wantInvalid(t, e, err)
	if got.Token != "" || got.RequestID != "" || got.InvoiceID != "" || got.Metadata != nil {
		t.Errorf("got %q %q %q %s", got.Token, got.RequestID, got.InvoiceID, got.Metadata)
	}
}

func TestEventOf256KiBIsTheLargest(t *testing.T) {
	head := strings.TrimSuffix(goodInvoice, "}") + `,"x":"`
	data := head + strings.Repeat("x", MaxEventBytes-len(head)-2) + `"}`
	if _, err := Decode(SubjectInvoiceIssued, nil, []byte(data)); err != nil {
		t.Errorf("%d bytes: %v", len(data), err)
	}
	e, err := Decode(SubjectInvoiceIssued, nil, []byte(data+" "))
	if got := wantInvalid(t, e, err); got.Token != "inv-1" || !strings.Contains(err.Error(), "256 KiB") {
		t.Errorf("got %q, %v", got.Token, err)
	}
}

func TestDecodeOfAForeignSubject(t *testing.T) {
	header := nats.Header{"ce-id": {"1"}, "ce-source": {"/s"}}
	e, err := Decode("invoice.paid\nx", header, []byte(goodInvoice))
	got := wantInvalid(t, e, err)
	if got.Kind != "" || got.Token != "inv-1" || got.ID != "1" || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %+v", got)
	}
}

// Texts that are cheap to write and would be dear to read without bounds.
func TestHardTextsComeBack(t *testing.T) {
	const room = MaxEventBytes - 200
	deep := func(open, inner, end string) string {
		return invoiceWith(`"x":` + strings.Repeat(open, 9000) + inner + strings.Repeat(end, 9000) + `,"y":""`)
	}
	for name, tt := range map[string]struct {
		data  string
		valid bool
	}{
		"empty items":    {invoiceOfItems("[" + strings.Repeat("{},", room/3) + "{}]"), false},
		"null items":     {invoiceOfItems("[" + strings.Repeat("null,", room/5) + "{}]"), false},
		"deep lists":     {deep("[", "", "]"), true},
		"deep objects":   {deep(`{"a":`, "1", "}"), true},
		"deep and wrong": {deep(`{"a":`, "1,1", "}"), false},
		"too deep":       {invoiceWith(`"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), false},
		"a long number":  {invoiceWith(`"duration":` + strings.Repeat("9", room)), false},
	} {
		_, err := Decode(SubjectInvoiceIssued, nil, []byte(tt.data))
		if (err == nil) != tt.valid {
			t.Errorf("%s: got %v", name, err)
		}
		_ = UnknownFields(SubjectInvoiceIssued, []byte(tt.data))
	}
}

func TestUnknownFields(t *testing.T) {
	data := invoiceWith(`"zeta":1,"customer":{"mail":"x","email":"x"},"metadata":{"any":{"thing":1}},"destinations":[{"type":"A","owner":{}}],"Duration":60,"requestId":"r"`)
	want := []string{"Duration", "customer.mail", "destinations[0].owner", "requestId", "zeta"}
	if got := UnknownFields(SubjectInvoiceIssued, []byte(data)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, data := range []string{``, `[`, `{"a":[`, `{"a":[1,`, strings.Repeat(`[`, 20000), `{"a":` + strings.Repeat(`[`, 20000)} {
		_ = UnknownFields(SubjectSessionRequested, []byte(data)) // it must come back
	}
	if got := UnknownFields("x", []byte(`{"a":1}`)); got != nil {
		t.Errorf("got %q", got)
	}
}

func wantInvalid(t *testing.T, e *Event, err error) *InvalidError {
	t.Helper()
	invalid, ok := errors.AsType[*InvalidError](err)
	if !ok || e != nil {
		t.Fatalf("got %+v and %v, want an *InvalidError", e, err)
	}
	if len(invalid.Fields) == 0 {
		t.Errorf("%v names no field", err)
	}
	return invalid
}

func paths(e *InvalidError) []string {
	var list []string
	for _, f := range e.Fields {
		list = append(list, f.Path)
	}
	return list
}
