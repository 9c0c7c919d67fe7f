package deadletter

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Change is one field that two versions of an event's data have differently.
type Change struct {
	// Path is like items[0].totalAmount; "" is the data as a whole.
	Path string `json:"path"`
	// Old and New are JSON, nil where the field is not there.
	Old jsontext.Value `json:"old,omitzero"`
	New jsontext.Value `json:"new,omitzero"`
}

// Changes lists what differs, in the order of the old version, then of the new one.
// Texts that are no JSON differ as a whole and have neither Old nor New.
func Changes(before, after []byte) []Change {
	x, y := jsontext.Value(bytes.Clone(before)), jsontext.Value(bytes.Clone(after))
	compact := func(v jsontext.Value) bool { return v.Compact(lenient...) == nil }
	if !compact(x) || !compact(y) {
		return []Change{{}}
	}
	return diff(nil, "", x, y)
}

func diff(all []Change, path string, x, y jsontext.Value) []Change {
	switch {
	case bytes.Equal(x, y):
		return all
	case x.Kind() == '{' && y.Kind() == '{':
		return diffMembers(all, path, x, y)
	case x.Kind() == '[' && y.Kind() == '[':
		return diffEntries(all, path, x, y)
	}
	return append(all, Change{Path: path, Old: x, New: y})
}

func diffMembers(all []Change, path string, x, y jsontext.Value) []Change {
	xs, _ := membersOf(x) // both are sound
	ys, _ := membersOf(y)
	rest := make(map[string]jsontext.Value, len(ys))
	for _, m := range ys {
		rest[m.name] = m.value
	}
	at := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	for _, m := range xs {
		all = diff(all, at(m.name), m.value, rest[m.name])
		delete(rest, m.name)
	}
	for _, m := range ys {
		if value, left := rest[m.name]; left {
			all = diff(all, at(m.name), nil, value)
			delete(rest, m.name)
		}
	}
	return all
}

func diffEntries(all []Change, path string, x, y jsontext.Value) []Change {
	xs, _ := entriesOf(x) // both are sound
	ys, _ := entriesOf(y)
	for i := range max(len(xs), len(ys)) {
		var a, b jsontext.Value
		if i < len(xs) {
			a = xs[i]
		}
		if i < len(ys) {
			b = ys[i]
		}
		all = diff(all, path+"["+strconv.Itoa(i)+"]", a, b)
	}
	return all
}
