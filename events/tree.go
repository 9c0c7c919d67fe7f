package events

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// tree is data as the schema validator wants it: maps, lists, strings, integers.
// Members that are null are left out, because null is absent; metadata, which has
// no rules inside, is left empty.
type tree struct {
	root          any
	metadataBytes int
	broken        bool // the text cannot be read any further
}

// readTree reads leniently and as far as it can; that the text is sound is for
// textFault to say.
func readTree(data []byte) tree {
	var t tree
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), lenient...)
	if dec.PeekKind() == '{' {
		t.root = t.object(dec, true)
	}
	return t
}

func (t *tree) object(dec *jsontext.Decoder, top bool) any {
	object := map[string]any{}
	t.token(dec) // the brace
	for {
		tok := t.token(dec)
		if t.broken || tok.Kind() != '"' {
			return object
		}
		name := tok.String()
		var v any
		if top && name == "metadata" {
			v = t.metadata(dec)
		} else {
			v = t.value(dec)
		}
		if v != nil {
			object[name] = v
		}
	}
}

func (t *tree) list(dec *jsontext.Decoder) any {
	list := []any{}
	t.token(dec) // the bracket
	for !t.broken && dec.PeekKind() != ']' {
		list = append(list, t.value(dec))
	}
	t.token(dec) // the other one
	return list
}

func (t *tree) value(dec *jsontext.Decoder) any {
	switch dec.PeekKind() {
	case '{':
		return t.object(dec, false)
	case '[':
		return t.list(dec)
	}
	tok := t.token(dec)
	if t.broken {
		return nil
	}
	switch tok.Kind() {
	case '"':
		return tok.String()
	case '0':
		return number(tok.String())
	case 't', 'f':
		return tok.Kind() == 't'
	default:
		return nil
	}
}

// token is the next one; it means nothing once the text is broken.
func (t *tree) token(dec *jsontext.Decoder) jsontext.Token {
	if t.broken {
		return jsontext.Token{} // not asked again at each level: its errors are dear
	}
	tok, err := dec.ReadToken()
	t.broken = t.broken || err != nil
	return tok
}

// number is an integer that Go can hold; any other number is wrong wherever the
// schema knows a field, and stands as a fraction, lest the validator compute what
// 1e999999999 is.
func number(literal string) any {
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return n
	}
	return 0.5
}

func (t *tree) metadata(dec *jsontext.Decoder) any {
	if dec.PeekKind() != '{' {
		return t.value(dec)
	}
	v, err := dec.ReadValue()
	if err != nil {
		t.broken = true
		return nil
	}
	t.metadataBytes = max(t.metadataBytes, len(v))
	return map[string]any{}
}

// dataType is the Go type of a kind's data.
func dataType(kind Kind) reflect.Type {
	if kind == KindCheckoutSession {
		return reflect.TypeFor[SessionRequest]()
	}
	return reflect.TypeFor[Invoice]()
}

// member is the type of a field by its JSON name, or of a list's entries by their
// index, without pointers.
func member(t reflect.Type, name string) (reflect.Type, bool) {
	switch {
	case t == reflect.TypeFor[jsontext.Value]():
		return nil, false
	case t.Kind() == reflect.Slice:
		return bare(t.Elem()), leadingDigits(name) == len(name)
	case t.Kind() != reflect.Struct:
		return nil, false
	}
	for i := range t.NumField() {
		field := t.Field(i)
		if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag == name {
			return bare(field.Type), true
		}
	}
	return nil, false
}

func bare(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// pointer is a JSON Pointer as a path, up to the last part that a Go type knows:
// the names of unknown members may be anything, payers' values among them.
func (f *faults) pointer(p jsontext.Pointer) string {
	var parts []string
	t := f.root
	for part := range p.Tokens() {
		next, ok := member(t, part)
		if !ok {
			break
		}
		parts, t = append(parts, part), next
	}
	return pathOf(parts)
}

// pathOf writes a path as items[0].totalAmount. No field has a name of digits.
func pathOf(parts []string) string {
	path := ""
	for _, part := range parts {
		if part != "" && leadingDigits(part) == len(part) {
			path += "[" + part + "]"
		} else {
			path = join(path, part)
		}
	}
	return path
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
