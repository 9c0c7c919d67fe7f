package deadletter

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMaskDetail(t *testing.T) {
	for _, tt := range []struct {
		name, detail string
		payer        []string
		want         string
	}{
		{"nothing to mask", "currency: no such one", []string{"jane@example.com"}, "currency: no such one"},
		{"no payer", "customer Jane", nil, "customer Jane"},
		{"a value", "email jane@example.com is wrong", []string{"jane@example.com"}, "email *** is wrong"},
		{"whatever case", "customer JANE", []string{"jane"}, "customer ***"},
		{"whatever case, other scripts", "cliente ÁLVARO ΣΟΦΙΑ", []string{"álvaro", "σοφια"}, "cliente *** ***"},
		{"a final sigma", "ΝΙΚΟΣ", []string{"νικος"}, "***"},
		{"twice", "jane and Jane", []string{"Jane"}, "*** and ***"},
		{"one in the other", "jane@example.com", []string{"Jane", "jane@example.com"}, "***"},
		{"one in the other, other order", "jane@example.com", []string{"jane@example.com", "Jane"}, "***"},
		{"overlapping", "abcde", []string{"abc", "cde"}, "***"},
		{"overlapping itself", "ananana", []string{"anana"}, "***"},
		{"side by side", "JaneDoe", []string{"Jane", "Doe"}, "***"},
		{"too short", "x of Li", []string{"Li", "x", ""}, "x of Li"},
		{"three characters", "名前山 here", []string{"名前山"}, "*** here"},
		{"outer spaces", "customer Jane Doe", []string{"  Jane Doe\n"}, "customer ***"},
		{"escaped for a URL", "GET /x?email=jane%2Bx%40example.com", []string{"jane+x@example.com"}, "GET /x?email=***"},
		{"escaped for a path", "GET /x/Jane%20Doe", []string{"Jane Doe"}, "GET /x/***"},
		{"escaped for JSON", `{"firstName":"Jo\"e"}`, []string{`Jo"e`}, `{"firstName":"***"}`},
		{"escaped for ASCII JSON", `{"firstName":"Jos\u00e9 \ud83d\ude00"}`, []string{"José 😀"}, `{"firstName":"***"}`},
		{"digits alone", "phone 56912345678 is wrong", []string{"+56 9 1234-5678"}, "phone *** is wrong"},
		{"digits in other groups", "RUT 12.345.678-5, phone (+56) 9 1234 5678, room 12", []string{"12345678-5", "+56912345678"}, "RUT ***, phone (+***, room 12"},
		{"digits that go on otherwise", "trace 123-45-679", []string{"12345678"}, "trace 123-45-679"},
		{"digits too far apart", "123 --- 456", []string{"123456"}, "123 --- 456"},
		{"escaped for HTML", "<b>D&#39;Angelo &amp; Co</b>", []string{"D'Angelo & Co"}, "<b>***</b>"},
		{"few digits stay", "code 12", []string{"1-2 b"}, "code 12"},
		{"special characters", "a.b|c*", []string{"a.b|c"}, "****"},
		{"not UTF-8", "Jane\xff Doe", []string{"Jane"}, "***\uFFFD Doe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := MaskDetail(tt.detail, tt.payer); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestMaskingIsCheap: both the text and the value may be as long as an event.
func TestMaskingIsCheap(t *testing.T) {
	for _, letter := range []string{"a", "1"} {
		value, text := strings.Repeat(letter, 100_000), strings.Repeat(letter, 200_000)
		began := time.Now()
		masked := MaskDetail("name "+text, []string{value, value + "b", text + " x"})
		if took := time.Since(began); took > 5*time.Second || masked != "name ***" {
			t.Errorf("%v for %.40s…", took, masked)
		}
	}
}

// TestMaskDetailAtTheCut: no part of a value is left where a long text is cut.
func TestMaskDetailAtTheCut(t *testing.T) {
	for _, value := range []string{"jane@example.com", strings.Repeat("jane", 100)} {
		for before := maxSearched - 600; before <= maxSearched; before += 7 {
			if masked := MaskDetail(strings.Repeat("x", before)+value, []string{value}); strings.Contains(masked, "jan") {
				t.Fatalf("%d: …%s", before, masked[before-10:])
			}
		}
	}
}

func TestMaskDetailLeavesNoValue(t *testing.T) {
	word := rapid.StringMatching(`[a-cA-Cé1-3@]{3,6}`)
	rapid.Check(t, func(r *rapid.T) {
		payer := rapid.SliceOfN(word, 1, 4).Draw(r, "payer")
		detail := strings.Join(rapid.SliceOf(rapid.OneOf(word, rapid.SampledFrom(payer), rapid.Just(" "))).Draw(r, "detail"), "")
		masked := MaskDetail(detail, payer)
		for _, value := range payer {
			if strings.Contains(strings.ToLower(masked), strings.ToLower(value)) {
				r.Fatalf("%q holds %q", masked, value)
			}
		}
	})
}
