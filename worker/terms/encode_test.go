package terms

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// TestTermsAreWrittenAsTheirTypesSay holds what Encode writes to what the tags of the types say.
func TestTermsAreWrittenAsTheirTypesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.Make[Terms]().Draw(t, "terms")
		want, err := json.Marshal(&terms)
		if err != nil {
			t.Fatal(err)
		}
		got, err := terms.Encode()
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

func TestTermsWithBadTextAreNotWritten(t *testing.T) {
	if text, err := (&Terms{Currency: "a\xff"}).Encode(); err == nil {
		t.Errorf("written: %q", text)
	}
}
