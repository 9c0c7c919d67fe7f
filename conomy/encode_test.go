package conomy

import (
	"testing"

	"github.com/go-faster/jx"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// TestRequestsAreWrittenAsTheirTypesSay holds what requests write of themselves
// to what their types' tags say.
func TestRequestsAreWrittenAsTheirTypesSay(t *testing.T) {
	t.Run("payment link", rapid.MakeCheck(func(t *rapid.T) {
		r := rapid.Make[PaymentLinkRequest]().Draw(t, "request")
		sameJSON(t, &r)
	}))
	t.Run("checkout session", rapid.MakeCheck(func(t *rapid.T) {
		r := rapid.Make[CheckoutSessionRequest]().Draw(t, "request")
		sameJSON(t, &r)
	}))
	for _, c := range []*Customer{nil, {}, {Address: &Address{}}, {Email: "a@example.com", Address: &Address{}}} {
		sameJSON(t, &CheckoutSessionRequest{Customer: c})
		sameJSON(t, &PaymentLinkRequest{Customer: c})
	}
}

func TestRequestsWithBadTextAreNotWritten(t *testing.T) {
	if body, err := encodeRequest(new(jx.Encoder), &PaymentLinkRequest{CheckoutToken: "a\xff"}); err == nil {
		t.Errorf("written: %q", body)
	}
}

func sameJSON(t rapid.TB, r encoder) {
	t.Helper()
	want, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := encodeRequest(new(jx.Encoder), r)
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
}
