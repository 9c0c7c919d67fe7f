package events

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func hashed(value string) string {
	sum := sha256.Sum256([]byte(value))
	return "sha256-" + hex.EncodeToString(sum[:])
}

func TestSafeID(t *testing.T) {
	long := strings.Repeat("a", 200)
	for value, want := range map[string]string{
		"inv-1001":    "inv-1001",
		"A.b_c~9":     "A.b_c~9",
		"..":          "..",
		long:          long,
		long + "a":    hashed(long + "a"),
		"":            hashed(""),
		"a/b":         hashed("a/b"),
		"a b":         hashed("a b"),
		"a%2Fb":       hashed("a%2Fb"),
		"a:b":         hashed("a:b"),
		"ü":           hashed("ü"),
		"sha256-":     hashed("sha256-"),
		"sha256":      "sha256",
		hashed("a/b"): hashed(hashed("a/b")),
	} {
		if got := SafeID(value); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestSafeIDKeepsValuesApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9._~-]{0,210}`), rapid.StringMatching(`sha256-[0-9a-f]{0,64}`))
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		if a != b && (SafeID(a) == SafeID(b) || SafeID(SafeID(a)) == SafeID(b) && SafeID(a) != b) {
			t.Fatalf("%q and %q share an id", a, b)
		}
		if id := SafeID(a); len(id) > 200 || !unreserved(id) {
			t.Fatalf("%q is not safe", id)
		}
	})
}

func TestIDs(t *testing.T) {
	for got, want := range map[string]string{
		LinkCreatedID("inv-1", ""):                    "link.created:inv-1",
		LinkCreatedID("a/b", ""):                      "link.created:" + hashed("a/b"),
		LinkCreatedID("inv-1", "request.r1"):          "link.created:inv-1:request.r1",
		LinkCreatedID("inv-1", "request.a.b"):         "link.created:inv-1:request.a.b",
		LinkCreatedID("inv-1", "event./s#1"):          "link.created:inv-1:event." + hashed("/s#1"),
		LinkCreatedID("a b", "message.m:1"):           "link.created:" + hashed("a b") + ":message." + hashed("m:1"),
		LinkFailedID("BILLING.7.20260518T100000.0"):   "link.failed:BILLING.7.20260518T100000.0",
		DeadLetterID("BILLING.7.20260518T100000.0"):   "deadletter:BILLING.7.20260518T100000.0",
		ReplayID("BILLING.7.20260518T100000.0"):       "replay:BILLING.7.20260518T100000.0",
		LinkCreatedID("inv-1", "customer."+"abcdef0"): "link.created:inv-1:customer.abcdef0",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSessionIdentityTakesTheFirst(t *testing.T) {
	customer := &Customer{Email: "jane@example.com"}
	full := Event{ID: "1", Source: "/s", Session: &SessionRequest{RequestID: "r/1", Customer: customer}}
	noRequest := full
	noRequest.Session = &SessionRequest{Customer: customer}
	bare := noRequest
	bare.ID, bare.Source = "", ""
	for _, tt := range []struct {
		event               Event
		msgID               string
		identity, causation string
	}{
		{full, "m", "request.r/1", "/s#1"},
		{noRequest, "m", "event./s#1", "/s#1"},
		{bare, "m", "message.m", "m"},
		{bare, "", "customer." + customerHash(customer), ""},
	} {
		if got := SessionIdentity(&tt.event, tt.msgID); got != tt.identity {
			t.Errorf("identity: got %s, want %s", got, tt.identity)
		}
		if got := CausationID(&tt.event, tt.msgID); got != tt.causation {
			t.Errorf("causation: got %s, want %s", got, tt.causation)
		}
	}
}

func TestCustomerHashIsThatOfCanonicalJSON(t *testing.T) {
	identity := func(customer string) string {
		t.Helper()
		e, err := Decode(SubjectSessionRequested, nil, []byte(`{"checkoutToken":"a","customer":`+customer+`}`))
		if err != nil {
			t.Fatal(err)
		}
		return SessionIdentity(e, "")
	}
	sum := sha256.Sum256([]byte(`{"address":{"street":"S"},"email":"<ü>","firstName":"Jane"}`))
	want := "customer." + hex.EncodeToString(sum[:])
	for _, same := range []string{
		`{"firstName":"Jane","email":"<ü>","address":{"street":"S"}}`,
		`{ "email":"\u003c\u00fc>", "address":{"street":"S","country":null}, "firstName":"Jane", "lastName":"", "unknown":1}`,
	} {
		if got := identity(same); got != want {
			t.Errorf("%s: got %s, want %s", same, got, want)
		}
	}
	if identity(`{"firstName":"Jane"}`) == identity(`{"firstName":"jane"}`) {
		t.Error("two customers share an identity")
	}
	if got := customerHash(nil); got != customerHash(&Customer{}) {
		t.Errorf("no customer: got %s", got)
	}
	_ = customerHash(&Customer{Email: "\xff"}) // it must not fail
}
