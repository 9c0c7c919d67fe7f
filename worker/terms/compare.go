package terms

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/shopspring/decimal"
)

// amounts are the fields that are compared as numbers: "1.50" is "1.5".
var amounts = map[string]bool{"preTaxAmount": true, "totalAmount": true, "amount": true, "value": true}

// decisive are the fields without which another side's terms cannot be called the same: who is paid how much by whom.
// Others may be missing there, since the vendor does not repeat all that it was sent.
var decisive = map[string]bool{
	"currency": true, "items": true, "totalAmount": true, "destinations": true, "amount": true, "accountNumber": true,
	"owner": true, "identityId": true, "account": true,
}

// Difference holds what two sets of terms disagree on, as lines for people.
type Difference struct {
	// Changed are the paths, the first few with what each side has.
	Changed []string
	// Missing are the decisive paths that the other side does not state.
	Missing []string

	mask func(string) string
}

// Same reports whether there is none.
func (d *Difference) Same() bool { return len(d.Changed) == 0 && len(d.Missing) == 0 }

// maxDifferences bounds how many differences a detail lists.
const maxDifferences = 8

// String lists the first few.
func (d *Difference) String() string {
	all := slices.Concat(d.Changed, d.Missing)
	if len(all) > maxDifferences {
		all = append(all[:maxDifferences:maxDifferences], fmt.Sprintf("and %d more", len(all)-maxDifferences))
	}
	return strings.Join(all, "; ")
}

// Compare looks for each field that asked states in have; fields that only have states are not looked at. Both are
// anything whose JSON has the vendor's field names, or that JSON itself. With lenient, fields that are not decisive may be
// missing in have. What a difference shows of a value goes through mask first.
func Compare(asked, have any, lenient bool, mask func(string) string) (*Difference, error) {
	a, err := generic(asked)
	if err != nil {
		return nil, err
	}
	h, err := generic(have)
	if err != nil {
		return nil, err
	}
	d := &Difference{mask: mask}
	d.objects("", a, h, lenient)
	return d, nil
}

func generic(v any) (map[string]any, error) {
	data, ok := v.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("compare terms: %w", err)
		}
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("compare terms: %w", err)
	}
	return m, nil
}

// stated reports whether a value says anything: an encoder may write what is absent as null, "" or [].
func stated(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	}
	return true
}

func (d *Difference) objects(path string, asked, have map[string]any, lenient bool) {
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		theirs := have[name]
		switch {
		case !stated(asked[name]):
		case stated(theirs):
			d.values(at, name, asked[name], theirs, lenient)
		case lenient && decisive[name] && !(name == "identityId" && strings.HasPrefix(at, "destinations")):
			d.Missing = append(d.Missing, at+": not stated there")
		case !lenient:
			d.change(at, func() string { return d.show(asked[name]) + " here, absent there" })
		}
	}
}

func (d *Difference) values(path, name string, asked, have any, lenient bool) {
	switch a := asked.(type) {
	case map[string]any:
		if h, ok := have.(map[string]any); ok {
			d.objects(path, a, h, lenient)
			return
		}
	case []any:
		if h, ok := have.([]any); ok {
			d.lists(path, name, a, h, lenient)
			return
		}
	default:
		if asked == have || amounts[name] && equalAmounts(asked, have) {
			return
		}
	}
	d.change(path, func() string { return d.show(asked) + " here, " + d.show(have) + " there" })
}

// change notes a path. To show and mask values is dear, and no more of them are shown than String lists.
func (d *Difference) change(path string, how func() string) {
	if len(d.Changed) < maxDifferences {
		path += ": " + how()
	}
	d.Changed = append(d.Changed, path)
}

func (d *Difference) lists(path, name string, asked, have []any, lenient bool) {
	if len(asked) != len(have) {
		d.Changed = append(d.Changed, fmt.Sprintf("%s: %d here, %d there", path, len(asked), len(have)))
		return
	}
	for i := range asked {
		d.values(fmt.Sprintf("%s[%d]", path, i), name, asked[i], have[i], lenient)
	}
}

func equalAmounts(a, b any) bool {
	as, aok := a.(string)
	bs, bok := b.(string)
	if !aok || !bok {
		return false
	}
	ad, aerr := decimal.NewFromString(as)
	bd, berr := decimal.NewFromString(bs)
	return aerr == nil && berr == nil && ad.Equal(bd)
}

// maxShown bounds how much of a value a difference shows, in bytes.
const maxShown = 60

func (d *Difference) show(v any) string {
	s := fmt.Sprintf("%q", d.mask(fmt.Sprint(v)))
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + `…"`
	}
	return s
}
