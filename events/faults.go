package events

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// maxFaults bounds the list of faults: one event has room for some hundred thousand.
const maxFaults = 1000

// faults collects what is wrong with the data of one event: the first problem of
// each path.
type faults struct {
	kind  Kind
	root  reflect.Type
	list  []FieldError
	known map[string]bool
}

func newFaults(kind Kind) *faults {
	return &faults{kind: kind, root: dataType(kind), known: map[string]bool{}}
}

func (f *faults) add(path, problem string) {
	if len(f.list) < maxFaults && !f.known[path] {
		f.known[path] = true
		f.list = append(f.list, FieldError{Path: path, Problem: problem})
	}
}

func (f *faults) sorted() []FieldError {
	slices.SortFunc(f.list, comparePaths)
	return f.list
}

// ofData looks for every fault of the data.
func (f *faults) ofData(data []byte) {
	if s := textFault(data); s != nil {
		f.add(f.pointer(s.pointer), s.problem)
		if s.fatal {
			return
		}
	}
	t := readTree(data)
	root, ok := t.root.(map[string]any)
	if !ok {
		f.add("", "must be a JSON object")
		return
	}
	// The rules that a schema cannot hold come first, because theirs are the
	// better words where both find a fault.
	f.ofRules(root, t.metadataBytes)
	var invalid *jsonschema.ValidationError
	if errors.As(compiled[f.kind]().Validate(t.root), &invalid) {
		f.ofSchema(invalid)
	}
}

// ofSchema takes the leaves of a validation error. The validator's own words
// quote values, so none of them is used.
func (f *faults) ofSchema(e *jsonschema.ValidationError) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			f.ofSchema(cause)
		}
		return
	}
	path := pathOf(e.InstanceLocation)
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			f.add(join(path, name), "is missing")
		}
		return
	}
	f.add(path, problem(e))
}

// problem puts a fault in words of our own.
func problem(e *jsonschema.ValidationError) string {
	name := ""
	if n := len(e.InstanceLocation); n > 0 {
		name = e.InstanceLocation[n-1]
	}
	switch name {
	case "duration":
		return "must be whole seconds from 30 to 9223372036, without fraction or exponent"
	case "currency":
		return "must be a code of 3 to 5 capital letters"
	case "checkoutToken", "requestId":
		return problemToken
	case "successUrl", "failedUrl":
		return problemURL
	case "preTaxAmount", "totalAmount", "amount", "value":
		return problemAmount
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return "must be " + typeName(k.Want)
	case *kind.MinLength:
		return "must not be empty"
	case *kind.MinItems:
		return "must have at least one entry"
	case *kind.MinProperties:
		return "must have at least one field"
	case *kind.Enum:
		return "must be FIXED or PERCENTAGE"
	default:
		return "breaks the schema"
	}
}

const (
	problemToken  = "must be 1 to 200 bytes of UTF-8 text without control characters" // #nosec G101 -- words about a checkoutToken, which is no secret
	problemURL    = "must be an absolute http or https URL"
	problemAmount = "must be a decimal string such as \"12.50\", with up to 18 digits before and after the point"
)

// typeName is the wanted type in words; null is never named, being the same as
// leaving the field out.
func typeName(want []string) string {
	for _, t := range want {
		switch t {
		case "string":
			return "a string"
		case "object":
			return "an object"
		case "array":
			return "a list"
		case "integer":
			return "a whole number"
		}
	}
	return strings.Join(want, " or ")
}

// ofRules checks what the schema cannot say.
func (f *faults) ofRules(root map[string]any, metadataBytes int) {
	f.text(root, "checkoutToken", validToken, problemToken)
	f.text(root, "requestId", validToken, problemToken)
	f.text(root, "successUrl", validURL, problemURL)
	f.text(root, "failedUrl", validURL, problemURL)
	if metadataBytes > MaxMetadataBytes {
		f.add("metadata", "is larger than 64 KiB")
	}
	if f.kind == KindCheckoutSession {
		if c, ok := root["customer"].(map[string]any); ok && !hasText(c, reflect.TypeFor[Customer]()) {
			f.add("customer", "must have at least one field")
		}
	}
	f.ofDestinations(root["destinations"])
}

// text checks a field of the kind's data that is a string; for one that is not,
// the schema has the words.
func (f *faults) text(root map[string]any, name string, rule func(string) bool, problem string) {
	if _, ok := member(f.root, name); !ok {
		return
	}
	if s, ok := root[name].(string); ok && !rule(s) {
		f.add(name, problem)
	}
}

func (f *faults) ofDestinations(v any) {
	list, _ := v.([]any)
	lacking := 0
	for i, entry := range list {
		d, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		if _, ok := d["amount"]; ok {
			continue
		}
		if lacking++; lacking > 1 {
			f.add("destinations["+strconv.Itoa(i)+"].amount", "is missing, and only one destination can get the rest")
		}
	}
}

// hasText says that a field which Go knows holds a text that is not empty.
func hasText(object map[string]any, t reflect.Type) bool {
	for name, v := range object {
		field, ok := member(t, name)
		if !ok {
			continue
		}
		switch v := v.(type) {
		case string:
			if v != "" {
				return true
			}
		case map[string]any:
			if hasText(v, field) {
				return true
			}
		default:
			return true // of a wrong type: a fault that the schema names
		}
	}
	return false
}
