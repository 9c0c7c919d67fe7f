package events

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// fragments are JSON texts for a field of each type, some right, some wrong.
var fragments = map[string][]string{
	"any":      {`null`, `true`, `0`, `""`, `{}`, `[]`, `[null]`, `"x"`, `-1e400`, "\"\xff\"", `"\ud800"`, `{"a":1,"a":2}`},
	"text":     {`"x"`, `"Jane"`, `"\u0041"`, `"  "`},
	"token":    {`"tok"`, `"a/b c"`, `"ü\u0000"`, `"a\u0085b"`, `"` + strings.Repeat("ü", 100) + `"`, `"` + strings.Repeat("ü", 101) + `"`, `"` + strings.Repeat("x", 201) + `"`},
	"amount":   {`"1"`, `"-1.50"`, `"1."`, `".5"`, `"1e3"`, `1`, `"123456789012345678.123456789012345678"`, `"1234567890123456789"`, `"\u0031"`, `" 1"`, `"1\n"`},
	"currency": {`"CLP"`, `"USDC"`, `"USDTX"`, `"clp"`, `"CL"`, `"CLP\n"`, `"ABCDEF"`, `""`},
	"duration": {`30`, `86400`, `29`, `-1`, `30.0`, `3e1`, `9223372036`, `9223372037`, `99999999999999999999`, `-0`, `"30"`},
	"url":      {`"https://x.example/a"`, `"HTTP://x"`, `"https://"`, `"https:x"`, `"/x"`, `"https://x\u0000"`, `"https://%zz"`, `"ftp://x"`},
	"tax":      {`"FIXED"`, `"PERCENTAGE"`, `"fixed"`},
	"metadata": {`{"a":1}`, `{"a":1e999}`, `{ "a" : "" }`},
	"strings":  {`["a"]`, `["a",""]`, `["a",null]`, `[1]`},
}

// object draws an object: each field absent, of a right sort, or anything. Small
// numbers are drawn more often, and stand for what is right.
func object(t *rapid.T, label string, fields ...[2]string) string {
	var members []string
	for _, f := range fields {
		name, sort := f[0], f[1]
		switch rapid.IntRange(0, 29).Draw(t, label+"."+name) {
		case 28:
		case 29:
			members = append(members, `"`+name+`":`+rapid.SampledFrom(fragments["any"]).Draw(t, name))
		default:
			members = append(members, `"`+name+`":`+fragment(t, label+"."+name, sort))
		}
	}
	switch rapid.IntRange(0, 19).Draw(t, label+".further") {
	case 18:
		members = append(members, `"unknown":{"x":[""]}`)
	case 19:
		members = append(members, `"currency":"CLP"`) // perhaps twice
	}
	return "{" + strings.Join(members, ",") + "}"
}

func fragment(t *rapid.T, label, sort string) string {
	if list, ok := strings.CutPrefix(sort, "list of "); ok {
		var entries []string
		for i := range rapid.IntRange(0, 3).Draw(t, label+" length") {
			entries = append(entries, fragment(t, label+strconv.Itoa(i), list))
		}
		return "[" + strings.Join(entries, ",") + "]"
	}
	if fields, ok := objects[sort]; ok {
		return object(t, label, fields...)
	}
	list := fragments[sort]
	// The first is right: drawn often enough, whole documents are valid.
	if rapid.IntRange(0, 15).Draw(t, label+" right") < 14 {
		return list[0]
	}
	return rapid.SampledFrom(list).Draw(t, label)
}

var objects = map[string][][2]string{}

func init() {
	// Set here because the objects refer to each other.
	objects["invoice"] = [][2]string{
		{"checkoutToken", "token"}, {"currency", "currency"}, {"items", "list of item"},
		{"paymentMethodsAllowed", "strings"}, {"destinations", "list of destination"}, {"duration", "duration"},
		{"owner", "identity"}, {"customerRequirements", "strings"}, {"successUrl", "url"}, {"failedUrl", "url"},
		{"customer", "customer"}, {"invoiceId", "text"}, {"metadata", "metadata"},
	}
	objects["session"] = [][2]string{
		{"checkoutToken", "token"}, {"customer", "customer"}, {"requestId", "token"}, {"invoiceId", "text"}, {"metadata", "metadata"},
	}
	objects["item"] = [][2]string{{"preTaxAmount", "amount"}, {"totalAmount", "amount"}, {"description", "text"}, {"tax", "taxes"}}
	objects["taxes"] = [][2]string{{"name", "text"}, {"type", "tax"}, {"value", "amount"}, {"amount", "amount"}}
	objects["destination"] = [][2]string{
		{"type", "text"}, {"amount", "amount"}, {"currency", "currency"}, {"identity", "identity"}, {"account", "account"}, {"metadata", "shown"},
	}
	objects["identity"] = [][2]string{{"identityId", "text"}}
	objects["account"] = [][2]string{{"accountNumber", "text"}, {"currency", "currency"}}
	objects["shown"] = [][2]string{{"image", "text"}, {"description", "text"}}
	objects["customer"] = [][2]string{{"email", "text"}, {"firstName", "text"}, {"address", "address"}}
	objects["address"] = [][2]string{{"street", "text"}, {"country", "text"}}
}

func TestFastAndSlowWayAgree(t *testing.T) {
	const documents = 20 // in each round, to have valid ones among them
	valid := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range documents {
			if waysAgree(t, SubjectInvoiceIssued, []byte(object(t, "", objects["invoice"]...))) {
				valid[SubjectInvoiceIssued]++
			}
			if waysAgree(t, SubjectSessionRequested, []byte(object(t, "", objects["session"]...))) {
				valid[SubjectSessionRequested]++
			}
		}
	})
	if len(valid) != 2 {
		t.Errorf("too few documents were valid: %v", valid)
	}
}

type failer interface {
	Fatalf(format string, args ...any)
}

// waysAgree fails where the fast way, the slow way and the published schema differ
// about data; it says whether the data is valid.
func waysAgree(t failer, subject string, data []byte) bool {
	kind := kindOf(subject)
	e := &Event{Subject: subject, Kind: kind, Data: data}
	fast := e.read(noEmptyString(data))
	plausible := e.read(true)
	slow := newFaults(kind)
	slow.ofData(data)
	accepted := len(slow.list) == 0
	switch {
	case fast && !accepted:
		t.Fatalf("only the slow way refuses %s: %v", data, slow.list)
	case accepted && !plausible:
		t.Fatalf("only the fast way refuses %s", data)
	case accepted:
		schemaAccepts(t, kind, data)
	}
	for _, f := range slow.list {
		if f.Problem == "breaks the schema" {
			t.Fatalf("no words for the fault at %s of %s", f.Path, data)
		}
	}
	if err := Validate(subject, data); (err == nil) != accepted {
		t.Fatalf("Validate says %v of %s", err, data)
	}
	return accepted
}

// schemaAccepts holds that the schema, given the data as it is with its nulls,
// takes what Decode takes. Numbers that no float holds have no place in a schema
// validator, so metadata is left out.
func schemaAccepts(t failer, kind Kind, data []byte) {
	if bytes.Contains(data, []byte("e999")) {
		return
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	if err := compiled[kind]().Validate(doc); err != nil {
		t.Fatalf("only the schema refuses %s: %v", data, err)
	}
}
