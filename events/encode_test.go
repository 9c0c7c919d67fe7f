package events

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/binding/spec"
	ce "github.com/cloudevents/sdk-go/v2/event"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var noon = time.Date(2026, 5, 18, 12, 0, 0, 0, time.FixedZone("", -3*3600))

func fullLink() *LinkCreated {
	return &LinkCreated{
		Kind: KindCheckoutSession, CheckoutToken: "inv/1 ünï", URL: "https://checkout.example/inv%2F1?a=b&c=<d>",
		LinkID: "l-1", SessionID: "s-1", Status: "PENDING", ExpiresAt: noon.Add(time.Hour), Amount: "119.00", Currency: "CLP",
		Customer:  (&Customer{FirstName: "Jane", Email: "jane@example.com", DocumentNumber: "never", Address: &Address{Street: "never"}}).Public(),
		InvoiceID: "i-9", Metadata: jsontext.Value(`{"b": 1.10, "a":"<&>\u2028"}`), RequestID: "r 1",
		CreatedAt: noon.Add(123456789), CausationID: "/shop#1",
	}
}

func fullFailure() *LinkFailed {
	return &LinkFailed{
		Kind: KindPaymentLink, CheckoutToken: "inv-1", Reason: "rejected", Code: "11", Detail: "currency & <items>", TraceID: "t-1",
		InvoiceID: "i-9", Metadata: jsontext.Value(`{}`), RequestID: "r1", CausationID: "m-1", DeadLetter: "17", FailedAt: noon,
	}
}

func encodings(t *testing.T) map[string]*nats.Msg {
	t.Helper()
	must := func(msg *nats.Msg, err error) *nats.Msg {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	link, failure := fullLink(), fullFailure()
	return map[string]*nats.Msg{
		"link.created": must(EncodeLinkCreated("/linkworker", LinkCreatedID(link.CheckoutToken, "request.r 1"), noon, link)),
		"link.created.least": must(EncodeLinkCreated("/linkworker", LinkCreatedID("inv-1", ""), noon, &LinkCreated{
			Kind: KindPaymentLink, CheckoutToken: "inv-1", URL: "https://checkout.example/inv-1", Metadata: jsontext.Value("null"),
		})),
		"link.failed": must(EncodeLinkFailed("/linkworker", LinkFailedID("BILLING.7.0"), noon, failure)),
		"link.failed.least": must(EncodeLinkFailed("/linkworker", LinkFailedID("BILLING.8.0"), noon, &LinkFailed{
			Kind: KindCheckoutSession, Reason: "invalid_event", DeadLetter: "18", FailedAt: noon,
		})),
	}
}

func TestEncodings(t *testing.T) {
	for name, msg := range encodings(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			fmt.Fprintln(&out, msg.Subject)
			for _, key := range slices.Sorted(keys(msg.Header)) {
				fmt.Fprintf(&out, "%s: %s\n", key, strings.Join(msg.Header[key], " | "))
			}
			fmt.Fprintf(&out, "\n%s\n", msg.Data)
			golden(t, filepath.Join("testdata", name+".txt"), out.Bytes())
		})
	}
}

func keys(h nats.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range h {
			if !yield(key) {
				return
			}
		}
	}
}

func TestEncodingsKeepTheirSchemas(t *testing.T) {
	for name, msg := range encodings(t) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(msg.Data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := compile(msg.Subject).Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if bytes.Contains(msg.Data, []byte("null")) || bytes.Contains(msg.Data, []byte("never")) {
			t.Errorf("%s: %s", name, msg.Data)
		}
	}
}

func TestEncodingsAreReadByCloudEventsSDK(t *testing.T) {
	for name, msg := range encodings(t) {
		event, err := binding.ToEvent(context.Background(), sdkMessage{msg})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := event.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(event.Extensions()) > 0 {
			t.Errorf("%s: unknown attributes %v", name, event.Extensions())
		}
		if event.ID() != msg.Header["Nats-Msg-Id"][0] || event.Type() != msg.Subject || event.Source() != "/linkworker" ||
			!event.Time().Equal(noon) || event.DataContentType() != "application/json" || !bytes.Equal(event.Data(), msg.Data) {
			t.Errorf("%s: got %s", name, event)
		}
		subject, err := percentDecode(event.Subject())
		if err != nil || name == "link.created" && subject != "inv/1 ünï" {
			t.Errorf("%s: got subject %q, %v", name, subject, err)
		}
	}
}

// sdkMessage shows the SDK a NATS message in binary mode. The SDK's own NATS
// binding, a module apart, does the same.
type sdkMessage struct{ *nats.Msg }

func (m sdkMessage) ReadEncoding() binding.Encoding { return binding.EncodingBinary }

func (m sdkMessage) ReadStructured(context.Context, binding.StructuredWriter) error {
	return binding.ErrNotStructured
}

func (m sdkMessage) ReadBinary(_ context.Context, w binding.BinaryWriter) error {
	const prefix = "ce-"
	version := spec.WithPrefix(prefix).Version(m.Header[prefix+"specversion"][0])
	for key, values := range m.Header {
		name, isCE := strings.CutPrefix(key, prefix)
		if !isCE {
			continue
		}
		var err error
		if attr := version.Attribute(key); attr != nil {
			err = w.SetAttribute(attr, values[0])
		} else {
			err = w.SetExtension(name, values[0])
		}
		if err != nil {
			return err
		}
	}
	return w.SetData(bytes.NewReader(m.Data))
}

func (m sdkMessage) GetAttribute(k spec.Kind) (spec.Attribute, any) {
	attr := spec.WithPrefix("ce-").Version(m.Header["ce-specversion"][0]).AttributeFromKind(k)
	if attr == nil || len(m.Header[attr.PrefixedName()]) == 0 {
		return attr, nil
	}
	return attr, m.Header[attr.PrefixedName()][0]
}

func (m sdkMessage) GetExtension(string) any { return nil }

func (m sdkMessage) Finish(error) error { return nil }

func TestStructuredEventsOfCloudEventsSDKAreRead(t *testing.T) {
	for name, set := range map[string]func(*ce.Event) error{
		"JSON":   func(e *ce.Event) error { return e.SetData(ce.ApplicationJSON, stdjson.RawMessage(fullInvoice)) },
		"base64": func(e *ce.Event) error { return e.SetData("application/octet-stream", []byte(fullInvoice)) },
	} {
		event := ce.New()
		event.SetID("id 1")
		event.SetSource("/shop?a=b")
		event.SetType("anything")
		if err := set(&event); err != nil {
			t.Fatal(err)
		}
		body, err := stdjson.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		if name == "base64" && !bytes.Contains(body, []byte("data_base64")) {
			t.Fatalf("the SDK wrote no base64: %s", body)
		}
		for _, header := range []nats.Header{nil, {"Content-Type": {"application/cloudevents+json"}}} {
			e, err := Decode(SubjectInvoiceIssued, header, body)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e.ID != "id 1" || e.Source != "/shop?a=b" || e.Token() != "inv/1 ünï" {
				t.Errorf("%s: got %q %q %q", name, e.ID, e.Source, e.Token())
			}
		}
	}
}

func TestEncodeLeavesItsInputAlone(t *testing.T) {
	link, want := fullLink(), fullLink()
	if _, err := EncodeLinkCreated("/w", "id", noon, link); err != nil {
		t.Fatal(err)
	}
	if string(link.Metadata) != string(want.Metadata) || link.CreatedAt != want.CreatedAt {
		t.Errorf("got %+v", link)
	}
}

func TestEncodedMetadataIsNoLonger(t *testing.T) {
	metadata := `{"m":"` + strings.Repeat("<&>\u2028", 1000) + `"}`
	msg, err := EncodeLinkFailed("/w", "id", noon, &LinkFailed{
		Kind: KindPaymentLink, Reason: "panic", DeadLetter: "1", FailedAt: noon, Metadata: jsontext.Value(metadata),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(msg.Data, []byte(metadata)) {
		t.Error("metadata is not as it was")
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, encode := range map[string]func() error{
		"no URL":          func() error { l := fullLink(); l.URL = ""; return encodeLink("/w", "id", l) },
		"no token":        func() error { l := fullLink(); l.CheckoutToken = ""; return encodeLink("/w", "id", l) },
		"no kind":         func() error { l := fullLink(); l.Kind = ""; return encodeLink("/w", "id", l) },
		"no source":       func() error { return encodeLink("", "id", fullLink()) },
		"no id":           func() error { return encodeLink("/w", "", fullLink()) },
		"an id to encode": func() error { return encodeLink("/w", "a b", fullLink()) },
		"rubbish metadata": func() error {
			l := fullLink()
			l.Metadata = jsontext.Value(`{"jane"`)
			return encodeLink("/w", "id", l)
		},
		"rubbish text": func() error { l := fullLink(); l.InvoiceID = "jane\xff"; return encodeLink("/w", "id", l) },
		"a time of no year": func() error {
			l := fullLink()
			l.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
			return encodeLink("/w", "id", l)
		},
		"no reason":      func() error { f := fullFailure(); f.Reason = ""; return encodeFailure(f) },
		"no dead letter": func() error { f := fullFailure(); f.DeadLetter = ""; return encodeFailure(f) },
		"no time":        func() error { f := fullFailure(); f.FailedAt = time.Time{}; return encodeFailure(f) },
	} {
		if err := encode(); err == nil || strings.Contains(err.Error(), "jane") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func encodeLink(source, id string, l *LinkCreated) error {
	_, err := EncodeLinkCreated(source, id, noon, l)
	return err
}

func encodeFailure(f *LinkFailed) error {
	_, err := EncodeLinkFailed("/w", "id", noon, f)
	return err
}

func TestDecodeNotice(t *testing.T) {
	all := encodings(t)
	n, err := DecodeNotice(SubjectLinkCreated, all["link.created"].Header, all["link.created"].Data)
	if err != nil {
		t.Fatal(err)
	}
	if n.Failed != nil || n.ID != LinkCreatedID("inv/1 ünï", "request.r 1") || n.Created.Customer.Email != "jane@example.com" || !n.Created.ExpiresAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("got %+v", n)
	}
	n, err = DecodeNotice(SubjectLinkFailed, nats.Header{"Nats-Msg-Id": {"m"}}, []byte(`{"kind":"new","reason":"new","metadata":null,"later":[1]}`))
	if err != nil || n.ID != "m" || n.Created != nil || n.Failed.Reason != "new" || n.Failed.Metadata != nil {
		t.Errorf("got %+v, %v", n, err)
	}
	header := nats.Header{"ce-id": {"1"}}
	for name, try := range map[string]func() (Notice, error){
		"subject": func() (Notice, error) { return DecodeNotice("other", header, []byte(`{}`)) },
		"rubbish": func() (Notice, error) { return DecodeNotice(SubjectLinkCreated, header, []byte(`{"url":`)) },
		"null":    func() (Notice, error) { return DecodeNotice(SubjectLinkCreated, header, []byte(`null`)) },
		"type":    func() (Notice, error) { return DecodeNotice(SubjectLinkCreated, header, []byte(`{"url":5}`)) },
		"no id":   func() (Notice, error) { return DecodeNotice(SubjectLinkCreated, nil, []byte(`{}`)) },
	} {
		if n, err := try(); err == nil || n != (Notice{}) {
			t.Errorf("%s: got %+v, %v", name, n, err)
		}
	}
}

func TestAmountDecimal(t *testing.T) {
	for text, want := range map[Amount]string{"49990": "49990", "-0.10": "-0.1", "007.0": "7", "999999999999999999.000000000000000001": "999999999999999999.000000000000000001"} {
		if got, err := text.Decimal(); err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []Amount{"", "-", "1e3", "1.", ".1", "+1", "1,5", "0x1", "1 ", "١", "1234567890123456789"} {
		if got, err := text.Decimal(); err == nil || text != "" && strings.Contains(err.Error(), string(text)) {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
}

// The types are also read and written by the standard library.
func TestTypesWithEncodingJSON(t *testing.T) {
	var inv Invoice
	if err := stdjson.Unmarshal([]byte(fullInvoice), &inv); err != nil {
		t.Fatal(err)
	}
	std, err := stdjson.Marshal(inv)
	if err != nil {
		t.Fatal(err)
	}
	if err := Validate(SubjectInvoiceIssued, std); err != nil {
		t.Errorf("%s: %v", std, err)
	}
	for _, number := range []string{`5`, `5.0`, `""`, `true`, `{}`} {
		var a Amount
		if err := stdjson.Unmarshal([]byte(number), &a); err == nil {
			t.Errorf("encoding/json takes %s as %q", number, a)
		}
		if err := json.Unmarshal([]byte(number), &a); !errors.Is(err, errAmount) {
			t.Errorf("json takes %s as %q: %v", number, a, err)
		}
	}
}

func TestPublicCustomer(t *testing.T) {
	var nobody *Customer
	for name, c := range map[string]*Customer{"nil": nobody, "empty": {}, "documents alone": {ID: "c", DocumentType: "RUT", DocumentNumber: "1", Address: &Address{}}} {
		if p := c.Public(); p != nil {
			t.Errorf("%s: got %+v", name, p)
		}
	}
	c := &Customer{ID: "c", FirstName: "F", LastName: "L", Email: "E", PhoneNumber: "P", PhoneNumberPrefix: "+", DocumentNumber: "D"}
	if got, want := *c.Public(), (PublicCustomer{"F", "L", "E", "P", "+"}); got != want {
		t.Errorf("got %+v", got)
	}
}
