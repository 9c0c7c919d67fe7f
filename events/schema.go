package events

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema/*.json
var schemaFiles embed.FS

const schemaDir = "schema/"

// SchemaNames are the names that [Schema] knows: the subjects of the four events,
// sorted.
func SchemaNames() []string {
	names := []string{SubjectInvoiceIssued, SubjectSessionRequested, SubjectLinkCreated, SubjectLinkFailed}
	slices.Sort(names)
	return names
}

// Schema is the JSON Schema (draft 2020-12, https://json-schema.org/draft/2020-12)
// of the data of the named event. What a schema cannot say is checked by [Decode]
// and [Validate] alone: lengths in bytes, that at most one destination lacks an
// amount, and that what a session's customer has is not null or empty.
func Schema(name string) ([]byte, error) {
	if !slices.Contains(SchemaNames(), name) {
		return nil, fmt.Errorf("no schema of that name: there are %s", strings.Join(SchemaNames(), ", "))
	}
	return schemaFiles.ReadFile(schemaDir + name + ".json")
}

// compiled are the schemas of the events that are decoded.
var compiled = map[Kind]func() *jsonschema.Schema{
	KindPaymentLink:     sync.OnceValue(func() *jsonschema.Schema { return compile(SubjectInvoiceIssued) }),
	KindCheckoutSession: sync.OnceValue(func() *jsonschema.Schema { return compile(SubjectSessionRequested) }),
}

// compile panics where an embedded file is no schema: a fault of the build that
// any test finds.
func compile(name string) *jsonschema.Schema {
	text, err := Schema(name)
	if err != nil {
		panic(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(fmt.Errorf("schema %s: %w", name, err))
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		panic(fmt.Errorf("schema %s: %w", name, err))
	}
	return c.MustCompile(name)
}
