package deadletter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/linkworker/linkworker/events"
)

// schemaNode is what of a JSON Schema says which type a field has.
type schemaNode struct {
	Ref        string                 `json:"$ref"`
	Defs       map[string]*schemaNode `json:"$defs"`
	Type       schemaTypes            `json:"type"`
	Properties map[string]*schemaNode `json:"properties"`
	Items      *schemaNode            `json:"items"`
}

// schemaTypes is one name, or a list of them.
type schemaTypes []string

// UnmarshalJSON takes both forms.
func (t *schemaTypes) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = schemaTypes{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// typeOf is the schema's type of a field, "" where the schema does not know it.
func typeOf(subject string, path []part) (string, error) {
	text, err := events.Schema(subject)
	if err != nil {
		return "", err
	}
	root := new(schemaNode)
	if err := json.Unmarshal(text, root); err != nil {
		return "", fmt.Errorf("schema %s: %w", subject, err)
	}
	node := root
	var types schemaTypes
	for _, p := range path {
		if node = node.child(root, p); node == nil {
			return "", nil
		}
		types = node.Type
		if target := node.resolve(root); target != node {
			types = append(slices.Clone(types), target.Type...)
			node = target
		}
	}
	for _, t := range types {
		if t != "null" {
			return t, nil
		}
	}
	return "", nil
}

func (n *schemaNode) child(root *schemaNode, p part) *schemaNode {
	n = n.resolve(root)
	if p.name == "" {
		return n.Items
	}
	return n.Properties[p.name]
}

func (n *schemaNode) resolve(root *schemaNode) *schemaNode {
	if name, found := strings.CutPrefix(n.Ref, "#/$defs/"); found && root.Defs[name] != nil {
		return root.Defs[name]
	}
	return n
}

// typed is the text as a JSON value of the field's type.
func typed(subject string, path []part, name, text string) (jsontext.Value, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%s: the value is not valid UTF-8", name)
	}
	want, err := typeOf(subject, path)
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(strings.TrimSpace(text))
	sound := value.IsValid()
	switch want {
	case "string":
		return jsontext.AppendQuote(nil, text)
	case "":
		if sound {
			return value, nil
		}
		return jsontext.AppendQuote(nil, text)
	}
	kinds := map[string]struct {
		kind jsontext.Kind
		name string
	}{
		"object": {'{', "a JSON object"}, "array": {'[', "a JSON list"},
		"integer": {'0', "a whole number"}, "number": {'0', "a number"},
	}
	if !sound || value.Kind() != kinds[want].kind {
		return nil, fmt.Errorf("%s: the schema wants %s there", name, kinds[want].name)
	}
	return value, nil
}
