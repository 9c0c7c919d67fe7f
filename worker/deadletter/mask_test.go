package deadletter

import (
	"strings"
	"testing"

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
