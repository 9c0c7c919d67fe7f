package events

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// TestLinkCreatedIsWrittenAsItsTypeSays holds what a link writes of itself to what
// its type's tags say.
func TestLinkCreatedIsWrittenAsItsTypeSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string { return rapid.OneOf(rapid.Just(""), rapid.String()).Draw(t, name) }
		moment := func(name string) (m time.Time) {
			if rapid.Bool().Draw(t, name+" known") {
				m = time.Unix(rapid.Int64Range(-62135596799, 253402300799).Draw(t, name), rapid.Int64Range(0, 999999999).Draw(t, name+" ns")).UTC()
			}
			return m
		}
		l := &LinkCreated{
			Kind: Kind(text("kind")), CheckoutToken: text("token"), URL: text("url"), LinkID: text("link"),
			SessionID: text("session"), Status: text("status"), ExpiresAt: moment("expires"),
			Amount: Amount(text("amount")), Currency: text("currency"), InvoiceID: text("invoice"),
			RequestID: text("request"), CreatedAt: moment("created"), CausationID: text("cause"),
		}
		if rapid.Bool().Draw(t, "customer known") {
			c := rapid.Make[PublicCustomer]().Draw(t, "customer")
			l.Customer = &c
		}
		if rapid.Bool().Draw(t, "metadata known") {
			l.Metadata = jsontext.Value(rapid.SampledFrom([]string{`{}`, ` { "a" : [ 1 , "é\n" , null ] } `, `"x"`}).Draw(t, "metadata"))
		}
		want, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.text()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []*[]byte{&want, &got} { // they may escape differently
			if err := (*jsontext.Value)(v).Canonicalize(); err != nil {
				t.Fatalf("%s: %v", *v, err)
			}
		}
		if string(got) != string(want) {
			t.Fatalf("written as\n%s\nand not as\n%s", got, want)
		}
	})
}

func TestLinkCreatedThatCannotBeWritten(t *testing.T) {
	for name, spoil := range map[string]func(*LinkCreated){
		"bad UTF-8":      func(l *LinkCreated) { l.Status = "a\xff" },
		"year 10000":     func(l *LinkCreated) { l.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"cut metadata":   func(l *LinkCreated) { l.Metadata = jsontext.Value(`{"a":`) },
		"metadata twice": func(l *LinkCreated) { l.Metadata = jsontext.Value(`{"a":1,"a":2}`) },
	} {
		l := fullLink()
		spoil(l)
		if _, err := EncodeLinkCreated("/linkworker", "id", noon, l); err == nil || strings.Contains(err.Error(), "\xff") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
