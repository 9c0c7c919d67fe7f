package terms_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/linkworker/linkworker/worker/terms"
)

// TestTermsAreWrittenAsTheirTypeSays holds what terms write of themselves to what
// their types' tags say: records of other versions are read by those.
func TestTermsAreWrittenAsTheirTypeSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := rapid.Make[terms.Terms]().Draw(t, "terms")
		want, err := json.Marshal(&own)
		if err != nil {
			t.Fatal(err)
		}
		got, err := own.Encode()
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
