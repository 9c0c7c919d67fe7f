package worker

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

// hostileEvent is what a producer may send, and what must come of it.
type hostileEvent struct {
	name   string
	header nats.Header
	data   string
	fault  string // part of the dead letter's detail; "": a link is made
	token  string // of the outcome, where it is not readable or not t-N: see hostileToken
	check  func(t *testing.T, link events.LinkCreated)
}

// hostileToken stands for a token of the event's own. noToken says that the outcome must not have one.
const (
	hostileToken = "TOKEN"
	noToken      = "-"
)

// with is an invoice with further members, as they stand in JSON.
func with(members ...string) string { return invoiceData(hostileToken, members...) }

// ofToken is an invoice whose token is this JSON text.
func ofToken(text string) string { return strings.Replace(with(), `"`+hostileToken+`"`, text, 1) }

// ofAmount is an invoice with this JSON text for its total.
func ofAmount(text string) string { return strings.Replace(with(), `"12.50"`, text, 1) }

// padded fills an event up to a size.
func padded(size int) string {
	frame := with(`"filler":"%"`)
	return strings.Replace(frame, "%", strings.Repeat("x", size-len(frame)+1-len("t-00")+len(hostileToken)), 1)
}

// sized is an object in JSON of just so many bytes.
func sized(size int) string { return `{"x":"` + strings.Repeat("x", size-len(`{"x":""}`)) + `"}` }

// nested is a list in a list in a list.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func utf16Text(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(unit >> 8))
		b.WriteByte(byte(unit))
	}
	return b.String()
}

const (
	tokenRule  = "checkoutToken must be 1 to 200 bytes"
	amountRule = "items[0].totalAmount must be a decimal string"
)

func hostileEvents() []hostileEvent {
	hugeMetadata := `{"n":1e999999999,"d":0.` + strings.Repeat("3", 50_000) + `}`
	rows := []hostileEvent{
		{name: "the largest", data: padded(events.MaxEventBytes)},
		{name: "one byte over", data: padded(events.MaxEventBytes + 1), fault: "larger than 256 KiB"},
		{name: "metadata, the largest", data: with(`"metadata":` + sized(events.MaxMetadataBytes)), check: func(t *testing.T, link events.LinkCreated) {
			if len(link.Metadata) != events.MaxMetadataBytes {
				t.Errorf("%d bytes of metadata", len(link.Metadata))
			}
		}},
		{name: "metadata, one byte over", data: with(`"metadata":` + sized(events.MaxMetadataBytes+1)), fault: "metadata is larger than 64 KiB"},
		{name: "a hundred thousand items", data: `{"checkoutToken":"TOKEN","currency":"USD","items":[{}` + strings.Repeat(",{}", 80_000) + `]}`, fault: "items[0].description is missing"},
		{name: "many unknown members", data: with(manyMembers(15_000))},

		{name: "nested, and ignored", data: with(`"x":` + nested(9_000))},
		{name: "nested, and comes back", data: with(`"metadata":{"x":` + nested(9_000) + `}`)},
		{name: "nested too deep", data: with(`"x":` + nested(100_000)), fault: "must be valid JSON"},
		{name: "nested without end", data: with(`"x":` + strings.Repeat("[", 200_000)), fault: "must be valid JSON"},
		{name: "objects nested without end", data: strings.Repeat(`{"a":`, 40_000), fault: "must be valid JSON", token: noToken},

		{name: "a name twice in an item", data: strings.Replace(with(), `"totalAmount"`, `"totalAmount":"1","totalAmount"`, 1), fault: "items[0].totalAmount is given twice"},
		{name: "a name twice in metadata", data: with(`"metadata":{"a":1,"a":2}`), fault: "metadata is given twice"},
		{name: "a name twice, once escaped", data: with(`"checkoutT\u006fken":"other"`), fault: "checkoutToken is given twice"},
		{name: "a name twice in the customer", data: with(`"customer":{"email":"a@example.com","email":"b@example.com"}`), fault: "customer.email is given twice"},

		{name: "no UTF-8 in the token", data: ofToken("\"a\xff\""), fault: "checkoutToken must be valid UTF-8", token: noToken},
		{name: "no UTF-8 in a description", data: strings.Replace(with(), "Plan", "Pl\xc3", 1), fault: "items[0].description must be valid UTF-8"},
		{name: "no UTF-8 in metadata", data: with("\"metadata\":{\"a\":\"\xf0\x28\"}"), fault: "metadata must be valid UTF-8"},
		{name: "no UTF-8 in a name", data: with("\"\xfe\":1"), fault: "must be valid UTF-8"},
		{name: "half a character", data: ofToken(`"\ud800"`), fault: "checkoutToken", token: noToken},
		{name: "a byte order mark", data: "\xef\xbb\xbf" + with(), fault: "must be valid JSON", token: noToken},
		{name: "UTF-16", data: utf16Text(with()), fault: "must be valid JSON", token: noToken},
		{name: "compressed", data: "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", fault: "must be valid JSON", token: noToken},

		{name: "an amount of a billion digits", data: ofAmount(`"1e999999999"`), fault: amountRule},
		{name: "a number of a billion digits", data: ofAmount(`1e999999999`), fault: amountRule},
		{name: "a number of many digits", data: ofAmount(strings.Repeat("9", 100_000)), fault: amountRule},
		{name: "a duration of a billion digits", data: with(`"duration":1e999999999`), fault: "duration must be whole seconds"},
		{name: "a duration over all time", data: with(`"duration":9223372037`), fault: "duration must be whole seconds"},
		{name: "a long duration", data: with(`"duration":9223372036`)},
		{name: "numbers that are ignored", data: with(`"x":1e999999999,"y":[-1e-999999999]`)},
		{name: "numbers that come back", data: with(`"metadata":` + hugeMetadata), check: func(t *testing.T, link events.LinkCreated) {
			if string(link.Metadata) != hugeMetadata {
				t.Errorf("metadata %.40s…", link.Metadata)
			}
		}},

		{name: "a script to go on with", data: with(`"successUrl":"javascript:alert(1)"`), fault: "successUrl must be an absolute http or https URL"},
		{name: "two lines to go on with", data: with(`"failedUrl":"https://a.example/\r\nSet-Cookie: a=b"`), fault: "failedUrl must be an absolute http or https URL"},
		{name: "a currency of two lines", data: strings.Replace(with(), `"USD"`, `"USD\n"`, 1), fault: "currency must be a code"},
		{name: "a payer of two lines", data: with(`"customer":{"email":"jane@example.com\r\nBcc: all@example.com","firstName":"\u001b[2J"}`), check: func(t *testing.T, link events.LinkCreated) {
			if link.Customer.Email != "jane@example.com\r\nBcc: all@example.com" || link.Customer.FirstName != "\x1b[2J" {
				t.Errorf("%+v", link.Customer)
			}
		}},

		{name: "an event in an event", header: nats.Header{"Content-Type": {"application/cloudevents+json"}}, fault: "items is missing", token: noToken,
			data: `{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"specversion":"1.0","data":` + with() + `}}`},
		{name: "base64 in base64", header: nats.Header{"Content-Type": {"application/cloudevents+json"}}, fault: "data must be a JSON object", token: noToken,
			data: `{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"` + base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(with())))) + `"}`},
		{name: "an envelope of two lines", header: nats.Header{"ce-specversion": {"1.0"}, "ce-source": {"/a%0d%0aNats-Rollup:%20all"}, "ce-id": {"%1b%5b2J%00"}}, data: with(),
			check: func(t *testing.T, link events.LinkCreated) {
				if link.CausationID != "/a\r\nNats-Rollup: all#\x1b[2J\x00" {
					t.Errorf("causationId %q", link.CausationID)
				}
			}},
		{name: "a long envelope", header: nats.Header{"ce-specversion": {"1.0"}, "ce-source": {"/" + strings.Repeat("s", 25_000)}, "ce-id": {strings.Repeat("i", 25_000)}}, data: with(),
			check: func(t *testing.T, link events.LinkCreated) {
				if len(link.CausationID) != 50_002 {
					t.Errorf("%d bytes of causationId", len(link.CausationID))
				}
			}},
		{name: "a long envelope of an event that dies", header: nats.Header{"ce-specversion": {"1.0"}, "ce-source": {"/" + strings.Repeat("s", 30_000)}, "ce-id": {strings.Repeat("i", 30_000)}},
			data: ofAmount(`"x"`), fault: amountRule},
		{name: "headers of another worker", header: nats.Header{"Deadletter-Reason": {"panic"}, "Deadletter-Token": {"other"}, "Deadletter-Event": {"BILLING.1.1"}, "Deadletter-Replays": {"99999999999999999999"}, "Deadletter-Omitted": {"body"}},
			data: ofAmount(`"x"`), fault: amountRule},
	}
	return append(rows, hostileTokens()...)
}

// hostileTokens have what must not get into a header, a log line or a terminal, or are as long as a token may be.
func hostileTokens() (rows []hostileEvent) {
	for _, text := range []string{
		`"a\u0000b"`, `"a\nb"`, `"a\r\nNats-Rollup: all\r\n\r\nx"`, `"a\u001b[2Jb"`, `"a\u009b2Jb"`, `"a\u007fb"`, `"a\u0085b"`, `"\t"`, `""`,
		`"` + strings.Repeat("x", 201) + `"`, `"` + strings.Repeat("€", 67) + `"`, `"` + strings.Repeat("x", 100_000) + `"`, `17`, `["a"]`, `{"a":1}`, `true`,
	} {
		rows = append(rows, hostileEvent{name: "token " + clip(text), data: ofToken(text), fault: tokenRule, token: noToken})
	}
	for _, token := range []string{
		strings.Repeat("x", 200), strings.Repeat("€", 66) + "xy", "a\u202eb", "a\u2028b", "\ufeffa", "a\u200db", "\U0010ffff", "%0d%0aNats-Rollup: all",
		"deadletter:BILLING.1.1", "link.created:x", "{a}{b}", "*", "$JS.API.>", "..%2f..%2f", `\"`, "<script>", "';--", "${jndi:ldap://a}",
	} {
		quoted, _ := json.Marshal(token)
		rows = append(rows, hostileEvent{name: "token " + clip(token), data: ofToken(string(quoted)), token: token})
	}
	return rows
}

func clip(text string) string { return fmt.Sprintf("%.40q", text) }

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"member%d":1`, i)
	}
	return b.String()
}
