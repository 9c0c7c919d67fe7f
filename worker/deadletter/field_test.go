package deadletter

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/linkworker/linkworker/events"
)

func TestSetField(t *testing.T) {
	const data = `{"checkoutToken":"a","items":[{"totalAmount":"1.0"}],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":60}`
	for _, tt := range []struct{ subject, path, text, want string }{
		{"", "checkoutToken", `b"c`, `{"checkoutToken":"b\"c","items":[{"totalAmount":"1.0"}],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":60}`},
		{"", "items[0].totalAmount", "2.50", `{"checkoutToken":"a","items":[{"totalAmount":"2.50"}],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":60}`},
		{"", "items[1].description", "7", `{"checkoutToken":"a","items":[{"totalAmount":"1.0"},{"description":"7"}],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":60}`},
		{"", "duration", "90", `{"checkoutToken":"a","items":[{"totalAmount":"1.0"}],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":90}`},
		{"", "metadata.deep.y", "true", `{"checkoutToken":"a","items":[{"totalAmount":"1.0"}],"metadata":{"n":1.10,"deep":{"x":1e400,"y":true}},"duration":60}`},
		{"", "metadata.n", "word", `{"checkoutToken":"a","items":[{"totalAmount":"1.0"}],"metadata":{"n":"word","deep":{"x":1e400}},"duration":60}`},
		{"", "owner.identityId", "5", `{"checkoutToken":"a","items":[{"totalAmount":"1.0"}],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":60,"owner":{"identityId":"5"}}`},
		{"", "items", `[]`, `{"checkoutToken":"a","items":[],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":60}`},
		{"", "paymentMethodsAllowed[0]", "PIX", `{"checkoutToken":"a","items":[{"totalAmount":"1.0"}],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":60,"paymentMethodsAllowed":["PIX"]}`},
		{events.SubjectSessionRequested, "customer", `{"email":"a@b"}`, `{"checkoutToken":"a","items":[{"totalAmount":"1.0"}],"metadata":{"n":1.10,"deep":{"x":1e400}},"duration":60,"customer":{"email":"a@b"}}`},
	} {
		subject := tt.subject
		if subject == "" {
			subject = events.SubjectInvoiceIssued
		}
		got, err := SetField(subject, []byte(data), tt.path, tt.text)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s=%s: got\n%s, error %v", tt.path, tt.text, got, err)
		}
	}
	for _, tt := range [][2]string{
		{"", "x"}, {"a..b", "x"}, {"items[", "x"}, {"items[x]", "x"}, {"items[01].a", "x"}, {"items[0]x", "x"}, {"[0]", "x"}, {"items[2].description", "x"},
		{"items.a", "x"}, {"checkoutToken.a", "x"}, {"checkoutToken[0]", "x"}, {"duration", "soon"}, {"items", "{}"}, {"customer", "jane"}, {"currency", "\xff"},
	} {
		if got, err := SetField(events.SubjectInvoiceIssued, []byte(data), tt[0], tt[1]); err == nil {
			t.Errorf("%s=%s gives %s", tt[0], tt[1], got)
		}
	}
	for _, data := range []string{"", "x", `"x"`, `{"a":1`, `{"a":1}x`, "null"} {
		if got, err := SetField(events.SubjectInvoiceIssued, []byte(data), "currency", "CLP"); err == nil {
			t.Errorf("%s gives %s", data, got)
		}
	}
}

// A name that is given twice is one of the faults that are to be mended.
func TestSetFieldMendsANameGivenTwice(t *testing.T) {
	got, err := SetField(events.SubjectInvoiceIssued, []byte(`{"currency":"A","x":0,"currency":"B"}`), "currency", "CLP")
	if err != nil || string(got) != `{"currency":"CLP","x":0}` {
		t.Errorf("got %s, error %v", got, err)
	}
}

func TestUnsetField(t *testing.T) {
	data := []byte(`{"a":{"b":[1,2,3]},"c":null}`)
	for path, want := range map[string]string{
		"c": `{"a":{"b":[1,2,3]}}`, "a": `{"c":null}`, "a.b": `{"a":{},"c":null}`, "a.b[1]": `{"a":{"b":[1,3]},"c":null}`,
	} {
		if got, err := UnsetField(data, path); err != nil || string(got) != want {
			t.Errorf("%s: got %s, error %v", path, got, err)
		}
	}
	for _, path := range []string{"d", "a.c", "a.b[3]", "c[0]", "a.b.c"} {
		if got, err := UnsetField(data, path); err == nil {
			t.Errorf("%s gives %s", path, got)
		}
	}
}

func TestChanges(t *testing.T) {
	v := func(s string) jsontext.Value { return jsontext.Value(s) }
	got := Changes([]byte(`{"a":1, "b":[1,2], "c":{"d":"x"}, "e":0}`), []byte(`{"c":{"d":"y","n":[]},"b":[1],"a":1,"f":{}}`))
	want := []Change{
		{"b[1]", v("2"), nil}, {"c.d", v(`"x"`), v(`"y"`)}, {"c.n", nil, v("[]")}, {"e", v("0"), nil}, {"f", nil, v("{}")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if got := Changes([]byte("x"), []byte("{}")); !reflect.DeepEqual(got, []Change{{}}) {
		t.Errorf("got %v", got)
	}
}
