package terms

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Terms that are recorded come back as they were, agree with themselves, and disagree the same way from both sides.
func FuzzTerms(f *testing.F) {
	f.Add([]byte(`{"currency":"USD","items":[{"preTaxAmount":"1.50","totalAmount":"1.5","description":"x"}]}`), []byte(`{"currency":"USD","items":[{"preTaxAmount":"1.5","totalAmount":"1.50","description":"x"}]}`))
	f.Add([]byte(`{"items":[{"totalAmount":"1e999999999"}]}`), []byte(`{"items":[{"totalAmount":"1"}]}`))
	f.Add([]byte(`{"destinations":[{"amount":"1","account":{"accountNumber":"a"}}]}`), []byte(`{"destinations":[]}`))
	f.Add([]byte(`{"currency":7}`), []byte(`[]`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		a, err := Decode(first)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "recorded terms: ") {
				t.Fatalf("it does not say of what: %v", err)
			}
			return
		}
		for _, item := range a.Items {
			if !item.PreTaxAmount.Valid() || !item.TotalAmount.Valid() || item.Tax != nil && !(item.Tax.Value.Valid() && item.Tax.Amount.Valid()) {
				return // of no valid invoice, so nobody records it
			}
		}
		recorded, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(recorded)
		if err != nil {
			t.Fatalf("%s cannot be read: %v", recorded, err)
		}
		if twice, err := again.Encode(); err != nil || !bytes.Equal(twice, recorded) {
			t.Fatalf("%s becomes %s, %v", recorded, twice, err)
		}
		if d := compared(t, a, recorded); !d.Same() {
			t.Fatalf("%s differs from itself: %s", recorded, d)
		}
		b, err := Decode(second)
		if err != nil {
			return
		}
		there, back := compared(t, a, b), compared(t, b, a)
		if there.Same() && len(back.Missing) == 0 && len(back.Changed) > 0 && !strings.Contains(back.String(), "absent there") {
			t.Fatalf("the same from one side, from the other: %s", back)
		}
	})
}

// compared compares in bounded time and says it in bounded, valid text.
func compared(t *testing.T, a, b any) *Difference {
	t.Helper()
	begun := time.Now()
	d, err := Compare(a, b, false, func(s string) string { return s })
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Fatalf("it took %v", took)
	}
	if text := d.String(); !utf8.ValidString(text) || strings.ContainsAny(text, "\n\x1b\x00") {
		t.Fatalf("unclean: %q", text)
	}
	return d
}

// The vendor's side is whatever its answer says.
func FuzzCompareWithVendor(f *testing.F) {
	for _, seed := range []string{
		`{"currency":"USD","items":[{"totalAmount":"10.50"}]}`, `{"currency":"USD","items":[{"totalAmount":"1e999999999"}]}`, `{"currency":["USD"],"items":{}}`,
		`{"currency":"USD","items":[{"totalAmount":"1e-999999999"}]}`, `{"currency":"\u001b[2J","items":[{"totalAmount":10.5}]}`, `null`, `7`, `{"items":[null]}`,
	} {
		f.Add([]byte(seed))
	}
	own := []byte(`{"currency":"USD","items":[{"totalAmount":"10.5","preTaxAmount":"10.5","description":"x"}],"owner":{"identityId":"o"}}`)
	f.Fuzz(func(t *testing.T, theirs []byte) {
		begun := time.Now()
		d, err := Compare(own, theirs, true, func(s string) string { return s })
		if took := time.Since(begun); took > 30*time.Second {
			t.Fatalf("it took %v", took)
		}
		if err != nil {
			return
		}
		if d.Same() && !bytes.Contains(theirs, []byte("identityId")) {
			t.Fatalf("an answer without an owner is the same: %s", theirs)
		}
		if text := d.String(); !utf8.ValidString(text) || strings.ContainsAny(text, "\n\x1b\x00") {
			t.Fatalf("unclean: %q", text)
		}
	})
}
