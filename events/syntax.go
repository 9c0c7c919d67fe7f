package events

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// lenient lets a text be read past what makes it invalid, to find what else is in
// it.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// syntaxFault is a fault of the text itself.
type syntaxFault struct {
	pointer jsontext.Pointer
	problem string
	fatal   bool // nothing after it can be read
}

// textFault is what makes text no JSON value in the strict sense (RFC 8259, no
// name twice, valid UTF-8, nothing after it), nil where nothing does.
func textFault(text []byte) *syntaxFault {
	err := readWhole(text)
	if err == nil {
		return nil
	}
	var at jsontext.Pointer
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at = s.JSONPointer
	}
	switch {
	case errors.Is(err, errTrailing):
		return &syntaxFault{problem: "must be one JSON object with nothing after it", fatal: true}
	case errors.Is(err, jsontext.ErrDuplicateName):
		return &syntaxFault{pointer: at, problem: "is given twice"}
	case readWhole(text, lenient...) == nil:
		return &syntaxFault{pointer: at, problem: "must be valid UTF-8"}
	default:
		return &syntaxFault{problem: "must be valid JSON", fatal: true}
	}
}

var errTrailing = errors.New("text after the value")

func readWhole(text []byte, opts ...jsontext.Options) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), opts...)
	if err := dec.SkipValue(); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}
