package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// lenient lets a text be mended that gives a name twice or is not UTF-8.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

var errNoJSON = errors.New("the data is no JSON object")

// SetField returns data with one field set. path is like items[0].totalAmount and
// lies in the data; objects on the way are made where they are missing, and the
// index after a list's last entry adds one. The text is typed by the schema of the
// subject's event: for a field that is a string it is the string, else it has to be
// JSON of the field's type. In metadata, and in fields that the schema does not
// know, what is JSON is taken as JSON and all else as a string.
//
// Everything else in data keeps its very text.
func SetField(subject string, data []byte, path, text string) ([]byte, error) {
	parts, err := parsePath(path)
	if err != nil {
		return nil, err
	}
	value, err := typed(subject, parts, path, text)
	if err != nil {
		return nil, err
	}
	return change(data, path, parts, value)
}

// UnsetField returns data without one field.
func UnsetField(data []byte, path string) ([]byte, error) {
	parts, err := parsePath(path)
	if err != nil {
		return nil, err
	}
	return change(data, path, parts, nil)
}

func change(data []byte, path string, parts []part, value jsontext.Value) ([]byte, error) {
	// A text that breaks off would lose what is behind.
	if !jsontext.Value(data).IsValid(lenient...) || jsontext.Value(data).Kind() != '{' {
		return nil, fmt.Errorf("%s: %w: give all of it anew, in an editor", path, errNoJSON)
	}
	changed, err := put(data, parts, value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return changed, nil
}

// part is one step of a path: a name, or an index where name is "".
type part struct {
	name  string
	index int
}

func parsePath(path string) ([]part, error) {
	bad := fmt.Errorf("%q is no path such as customer.email or items[0].totalAmount", path)
	var parts []part
	for _, field := range strings.Split(path, ".") {
		name, rest, indexed := strings.Cut(field, "[")
		if name == "" {
			return nil, bad
		}
		parts = append(parts, part{name: name})
		for indexed {
			var digits string
			digits, rest, indexed = strings.Cut(rest, "]")
			index, err := strconv.Atoi(digits)
			if !indexed || err != nil || index < 0 || strconv.Itoa(index) != digits {
				return nil, bad
			}
			parts = append(parts, part{index: index})
			if rest == "" {
				break
			}
			if rest, indexed = strings.CutPrefix(rest, "["); !indexed {
				return nil, bad
			}
		}
	}
	return parts, nil
}

// put returns the text with the value at the path, or without what is there where
// value is nil.
func put(text jsontext.Value, path []part, value jsontext.Value) (jsontext.Value, error) {
	if len(path) == 0 {
		return value, nil
	}
	if path[0].name != "" {
		return putMember(text, path, value)
	}
	return putEntry(text, path, value)
}

func putMember(text jsontext.Value, path []part, value jsontext.Value) (jsontext.Value, error) {
	name := path[0].name
	if kind := text.Kind(); text == nil || kind == 'n' {
		text = jsontext.Value("{}")
	} else if kind != '{' {
		return nil, fmt.Errorf("there is no %s, for it would lie in what is no object", name)
	}
	members, err := membersOf(text)
	if err != nil {
		return nil, err
	}
	found := false
	kept := members[:0]
	for _, m := range members {
		if m.name != name {
			kept = append(kept, m)
			continue
		}
		if found {
			continue // given twice: the fault may be just that
		}
		found = true
		if m.value, err = put(m.value, path[1:], value); err != nil {
			return nil, err
		}
		if m.value != nil {
			kept = append(kept, m)
		}
	}
	switch {
	case found:
	case value == nil:
		return nil, errors.New("there is no such field")
	default:
		made, err := put(nil, path[1:], value)
		if err != nil {
			return nil, err
		}
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return nil, err
		}
		kept = append(kept, field{name: name, quoted: quoted, value: made})
	}
	return writeObject(kept), nil
}

func putEntry(text jsontext.Value, path []part, value jsontext.Value) (jsontext.Value, error) {
	index := path[0].index
	if kind := text.Kind(); text == nil || kind == 'n' {
		text = jsontext.Value("[]")
	} else if kind != '[' {
		return nil, fmt.Errorf("there is no [%d], for it would lie in what is no list", index)
	}
	entries, err := entriesOf(text)
	switch {
	case err != nil:
		return nil, err
	case index > len(entries), index == len(entries) && value == nil:
		return nil, fmt.Errorf("there is no [%d] in a list of %d", index, len(entries))
	case index == len(entries):
		entries = append(entries, nil)
	}
	if entries[index], err = put(entries[index], path[1:], value); err != nil {
		return nil, err
	}
	if entries[index] == nil {
		entries = append(entries[:index], entries[index+1:]...)
	}
	return append(append(jsontext.Value("["), bytes.Join(raw(entries), []byte(","))...), ']'), nil
}

func raw(entries []jsontext.Value) [][]byte {
	all := make([][]byte, len(entries))
	for i, e := range entries {
		all[i] = e
	}
	return all
}

// field is a member of an object, its texts as they stand there.
type field struct {
	name          string
	quoted, value jsontext.Value
}

func membersOf(text jsontext.Value) ([]field, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text), lenient...)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, errNoJSON
	}
	var all []field
	for dec.PeekKind() != '}' {
		quoted, err := dec.ReadValue()
		if err != nil {
			return nil, errNoJSON
		}
		quoted = quoted.Clone()
		// What is not UTF-8 in a name is replaced, and no field that is asked for.
		name, _ := jsontext.AppendUnquote(nil, quoted)
		value, err := dec.ReadValue()
		if err != nil {
			return nil, errNoJSON
		}
		all = append(all, field{name: string(name), quoted: quoted, value: value.Clone()})
	}
	return all, nil
}

func entriesOf(text jsontext.Value) ([]jsontext.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text), lenient...)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return nil, errNoJSON
	}
	var all []jsontext.Value
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return nil, errNoJSON
		}
		all = append(all, value.Clone())
	}
	return all, nil
}

func writeObject(members []field) jsontext.Value {
	text := jsontext.Value("{")
	for i, m := range members {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, m.quoted...), ':'), m.value...)
	}
	return append(text, '}')
}

// member is the value of an object's member, nil where there is none.
func member(text jsontext.Value, name string) (jsontext.Value, error) {
	members, err := membersOf(text)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.name == name {
			return m.value, nil
		}
	}
	return nil, nil
}

// setMember sets the data of an envelope, which then has it in one form only.
func setMember(envelope jsontext.Value, name string, value jsontext.Value) (jsontext.Value, error) {
	if base64, err := member(envelope, name+"_base64"); err == nil && base64 != nil {
		if envelope, err = put(envelope, []part{{name: name + "_base64"}}, nil); err != nil {
			return nil, err
		}
	}
	return put(envelope, []part{{name: name}}, value)
}
