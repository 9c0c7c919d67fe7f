package events

import (
	"bytes"
	stdjson "encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	generate "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write golden files and schemas anew")

// schemaOf says of each event which Go type its schema is made of, and whether
// null stands for absent in it, as it does in what is read.
var schemaOf = map[string]struct {
	data     any
	nullable bool
	title    string
}{
	SubjectInvoiceIssued:    {Invoice{}, true, "Data of invoice.issued"},
	SubjectSessionRequested: {SessionRequest{}, true, "Data of session.requested"},
	SubjectLinkCreated:      {LinkCreated{}, false, "Data of link.created"},
	SubjectLinkFailed:       {LinkFailed{}, false, "Data of link.failed"},
}

func TestSchemasFollowTheGoTypes(t *testing.T) {
	for _, name := range SchemaNames() {
		t.Run(name, func(t *testing.T) {
			golden(t, filepath.Join("schema", name+".json"), generateSchema(t, name))
		})
	}
	if len(schemaOf) != len(SchemaNames()) {
		t.Errorf("%d schemas are made, %d are named", len(schemaOf), len(SchemaNames()))
	}
}

func TestSchemasAreOfDraft2020(t *testing.T) {
	meta, err := jsonschema.NewCompiler().Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range SchemaNames() {
		text, err := Schema(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := meta.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, path := range undescribed("", doc) {
			t.Errorf("%s: %s has no description", name, path)
		}
	}
}

func TestSchemaOfAnUnknownName(t *testing.T) {
	if text, err := Schema("../doc.go"); err == nil {
		t.Errorf("got %q", text)
	}
}

// undescribed lists the properties without a description.
func undescribed(path string, node any) []string {
	object, ok := node.(map[string]any)
	if !ok {
		return nil
	}
	var found []string
	if properties, ok := object["properties"].(map[string]any); ok {
		for name, p := range properties {
			if d, _ := p.(map[string]any)["description"].(string); d == "" {
				found = append(found, join(path, name))
			}
		}
	}
	for name, child := range object {
		found = append(found, undescribed(join(path, name), child)...)
	}
	return found
}

func generateSchema(t *testing.T, name string) []byte {
	t.Helper()
	of := schemaOf[name]
	r := &generate.Reflector{
		Anonymous:                  true,
		AllowAdditionalProperties:  true,
		ExpandedStruct:             true,
		RequiredFromJSONSchemaTags: true,
		Mapper:                     mapType,
	}
	if err := r.AddGoComments("github.com/linkworker/linkworker/events", ".", generate.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(of.data)
	s.ID = generate.ID("urn:linkworker:events:" + name)
	s.Title = of.title
	listsHaveNoEmptyStrings(s)
	sessionNeedsACustomer(s, name)
	if of.nullable {
		optionalMayBeNull(s)
	}
	tidy(s)
	var out bytes.Buffer
	enc := stdjson.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// mapType is the schema of the types that reflection alone would miss.
func mapType(t reflect.Type) *generate.Schema {
	switch t {
	case reflect.TypeFor[Amount]():
		return &generate.Schema{Type: "string", Pattern: `^-?[0-9]{1,18}(\.[0-9]{1,18})?$`}
	case reflect.TypeFor[Kind]():
		return &generate.Schema{Type: "string", Enum: []any{KindPaymentLink, KindCheckoutSession}}
	case reflect.TypeFor[jsontext.Value]():
		return &generate.Schema{Type: "object"}
	}
	return nil
}

func listsHaveNoEmptyStrings(s *generate.Schema) {
	one := uint64(1)
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if p.Value.Items != nil && p.Value.Items.Type == "string" {
			p.Value.Items.MinLength = &one
		}
	}
}

func sessionNeedsACustomer(s *generate.Schema, name string) {
	if name != SubjectSessionRequested {
		return
	}
	customer, _ := s.Properties.Get("customer")
	one := uint64(1)
	customer.Type = "object" // the definition allows null, this use of it does not
	customer.MinProperties = &one
}

// optionalMayBeNull widens the type of every property that is not required.
func optionalMayBeNull(s *generate.Schema) {
	visit(s, func(of *generate.Schema) {
		for p := of.Properties.Oldest(); p != nil; p = p.Next() {
			if slices.Contains(of.Required, p.Key) && p.Value.Ref == "" {
				continue
			}
			if def, ok := strings.CutPrefix(p.Value.Ref, "#/$defs/"); ok {
				nullable(s.Definitions[def])
			} else {
				nullable(p.Value)
			}
		}
	})
}

func nullable(s *generate.Schema) {
	if s.Type == "" {
		return // widened already
	}
	if s.Extras == nil {
		s.Extras = map[string]any{}
	}
	s.Extras["type"] = []string{s.Type, "null"}
	s.Type = ""
}

// tidy folds descriptions into one line each, and gives Go's links their meaning.
func tidy(s *generate.Schema) {
	links := strings.NewReplacer("[SubjectInvoiceIssued]", SubjectInvoiceIssued,
		"[SubjectSessionRequested]", SubjectSessionRequested, "[SubjectLinkCreated]", SubjectLinkCreated,
		"[SubjectLinkFailed]", SubjectLinkFailed, "[LinkCreated]", SubjectLinkCreated)
	fold := func(s *generate.Schema) {
		s.Description = links.Replace(strings.Join(strings.Fields(s.Description), " "))
	}
	visit(s, func(of *generate.Schema) {
		fold(of)
		for p := of.Properties.Oldest(); p != nil; p = p.Next() {
			fold(p.Value)
		}
	})
}

// visit calls f for the schema and its definitions.
func visit(s *generate.Schema, f func(*generate.Schema)) {
	f(s)
	for _, def := range s.Definitions {
		f(def)
	}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantLines, gotLines := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := range max(len(wantLines), len(gotLines)) {
		if i >= len(wantLines) || i >= len(gotLines) || !bytes.Equal(wantLines[i], gotLines[i]) {
			t.Fatalf("%s differs from line %d on; if that is meant, run the test with -update\ngot:\n%s",
				path, i+1, bytes.Join(gotLines[min(i, len(gotLines)):min(i+5, len(gotLines))], []byte("\n")))
		}
	}
}
