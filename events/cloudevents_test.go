package events

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

func TestDecodeReadsTheThreeForms(t *testing.T) {
	structured := `{"specversion":"1.0","type":"whatever","id":"a 1","source":"/s","data":` + goodInvoice + `}`
	for name, tt := range map[string]struct {
		header     nats.Header
		body       string
		id, source string
	}{
		"plain":                      {nil, goodInvoice, "", ""},
		"plain with content type":    {nats.Header{"Content-Type": {"application/json"}}, goodInvoice, "", ""},
		"plain, specversion is null": {nil, invoiceWith(`"specversion":null`), "", ""},
		"plain, specversion below":   {nil, invoiceWith(`"metadata":{"specversion":"1.0"}`), "", ""},
		"binary":                     {nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"a%201"}, "ce-source": {"/s"}}, goodInvoice, "a 1", "/s"},
		"binary, canonical headers":  {nats.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"a%201"}, "Ce-Source": {"/s"}}, goodInvoice, "a 1", "/s"},
		"binary, odd case":           {nats.Header{"CE-ID": {"a%201"}, "cE-sOURCE": {"/s"}}, goodInvoice, "a 1", "/s"},
		"binary, later version":      {nats.Header{"ce-specversion": {"2.7"}, "ce-id": {"1"}, "ce-source": {"/s"}}, goodInvoice, "1", "/s"},
		"binary, its own field":      {nats.Header{"ce-id": {"1"}, "ce-source": {"/s"}}, invoiceWith(`"specversion":"7"`), "1", "/s"},
		"binary, id alone":           {nats.Header{"ce-id": {"1"}}, goodInvoice, "", ""},
		"binary, source alone":       {nats.Header{"ce-source": {"/s"}}, goodInvoice, "", ""},
		"binary, decoded once":       {nats.Header{"ce-id": {"%2525"}, "ce-source": {"%E2%82%ac"}}, goodInvoice, "%25", "€"},
		"binary, bare percent sign":  {nats.Header{"ce-id": {"100%"}, "ce-source": {"%zz%4"}}, goodInvoice, "100%", "%zz%4"},
		"binary, quoted":             {nats.Header{"ce-id": {`"a \"b\" %41"`}, "ce-source": {" /s "}}, goodInvoice, `a "b" A`, "/s"},
		"structured":                 {nil, structured, "a 1", "/s"},
		"structured, content type":   {nats.Header{"content-type": {"Application/CloudEvents+JSON; charset=UTF-8"}}, structured, "a 1", "/s"},
		"structured, type alone":     {nats.Header{"Content-Type": {"application/cloudevents+json"}}, `{"data":` + goodInvoice + `}`, "", ""},
		"structured beats headers":   {nats.Header{"Content-Type": {"application/cloudevents+json"}, "ce-id": {"x"}, "ce-source": {"y"}}, structured, "a 1", "/s"},
		"structured, escaped name":   {nil, strings.Replace(structured, "specversion", `spec\u0076ersion`, 1), "a 1", "/s"},
		"structured, no identity":    {nil, `{"specversion":"1.0","id":"","source":null,"data":` + goodInvoice + `}`, "", ""},
		"structured, null base64":    {nil, `{"specversion":"1.0","data_base64":null,"data":` + goodInvoice + `}`, "", ""},
		"structured, base64": {nil, `{"specversion":"1.0","id":"1","source":"/s","data_base64":"` +
			base64.StdEncoding.EncodeToString([]byte(" "+goodInvoice)) + `"}`, "1", "/s"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Decode(SubjectInvoiceIssued, tt.header, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if e.ID != tt.id || e.Source != tt.source {
				t.Errorf("got identity %q %q, want %q %q", e.Source, e.ID, tt.source, tt.id)
			}
			if e.Token() != "inv-1" || !strings.HasPrefix(strings.TrimSpace(string(e.Data)), `{"checkoutToken"`) {
				t.Errorf("got %q of %s", e.Token(), e.Data)
			}
		})
	}
}

func TestDecodeNamesFaultsOfTheEnvelope(t *testing.T) {
	head := `{"specversion":"1.0","id":"1","source":"/s"`
	for name, tt := range map[string]struct {
		header nats.Header
		body   string
		paths  []string
	}{
		"no data":            {nil, head + `}`, []string{"data"}},
		"data null":          {nil, head + `,"data":null}`, []string{"data"}},
		"data a text":        {nil, head + `,"data":"{}"}`, []string{"data"}},
		"data twice":         {nil, head + `,"data":` + goodInvoice + `,"data_base64":"e30="}`, []string{"data"}},
		"rubbish for base64": {nil, head + `,"data_base64":"%"}`, []string{"data"}},
		"base64 a number":    {nil, head + `,"data_base64":5}`, []string{"data"}},
		"base64 of a list":   {nil, head + `,"data_base64":"W10="}`, []string{"data"}},
		"base64 of rubbish":  {nil, head + `,"data_base64":"e30ge30="}`, []string{""}},
		"id a number":        {nil, `{"specversion":"1.0","id":1,"source":"/s","data":{"currency":"x"}}`, []string{"checkoutToken", "currency", "id", "items"}},
		"fields of data":     {nil, head + `,"data":{"checkoutToken":"a","currency":"CLP","items":[]}}`, []string{"items"}},
		"a name twice":       {nil, head + `,"id":"2","data":` + goodInvoice + `}`, []string{""}},
		"twice inside":       {nil, head + `,"data":` + invoiceWith(`"currency":"CLP"`) + `}`, []string{""}},
		"batch":              {nats.Header{"Content-Type": {"application/cloudevents-batch+json"}}, `[` + head + `}]`, []string{""}},
		"empty":              {nats.Header{"Content-Type": {"application/cloudevents+json"}}, ``, []string{""}},
		"headers not UTF-8":  {nats.Header{"ce-id": {"%C0%A0"}, "ce-source": {"\xff"}}, goodInvoice, []string{"ce-id", "ce-source"}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Decode(SubjectInvoiceIssued, tt.header, []byte(tt.body))
			if got := paths(wantInvalid(t, e, err)); !slices.Equal(got, tt.paths) {
				t.Errorf("got %q, want %q (%v)", got, tt.paths, err)
			}
		})
	}
}

func TestPercentEncodingIsThatOfTheBinding(t *testing.T) {
	// The binding's own example.
	if got, want := percentEncode("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.String().Draw(t, "value")
		header := percentEncode(value)
		for i := range len(header) {
			if header[i] <= ' ' || header[i] >= 0x7f || header[i] == '"' {
				t.Fatalf("%q has a byte that a header cannot hold", header)
			}
		}
		if got, err := percentDecode(unquoteHeader(header)); err != nil || got != value {
			t.Fatalf("got %q and %v, want %q", got, err, value)
		}
	})
}

func TestHeaderLookupDoesNotDependOnMapOrder(t *testing.T) {
	header := nats.Header{"Ce-Id": {"second"}, "CE-ID": {"first"}, "cE-iD": {"third"}}
	for range 50 {
		if got, _ := lookup(header, headerID); got != "first" {
			t.Fatalf("got %s", got)
		}
	}
	header[headerID] = []string{"itself"}
	if got, _ := lookup(header, headerID); got != "itself" {
		t.Errorf("got %s", got)
	}
}
