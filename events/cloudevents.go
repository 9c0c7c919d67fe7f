package events

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
)

// Names of CloudEvents attributes as NATS headers, and the content types, see
// https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md
const (
	headerSpecVersion     = "ce-specversion"
	headerID              = "ce-id"
	headerSource          = "ce-source"
	headerType            = "ce-type"
	headerSubject         = "ce-subject"
	headerTime            = "ce-time"
	headerDataContentType = "ce-datacontenttype"
	headerContentType     = "Content-Type"

	specVersion           = "1.0"
	contentTypeJSON       = "application/json"
	contentTypeStructured = "application/cloudevents"
)

// envelope is an event apart from the form in which it came.
type envelope struct {
	structured bool
	id, source string
	data       []byte // nil where it cannot be found
	faults     []FieldError
}

// open tells the three forms apart and unwraps the data.
func open(header nats.Header, body []byte) envelope {
	if structured(header, body) {
		return openStructured(body)
	}
	e := envelope{data: body}
	id := e.header(header, headerID)
	source := e.header(header, headerSource)
	e.identify(id, source)
	return e
}

// structured says whether the body is a whole event. The content type decides,
// then the headers: data in binary mode may have a field of its own that is
// called specversion.
func structured(header nats.Header, body []byte) bool {
	if value, ok := lookup(header, headerContentType); ok && len(value) >= len(contentTypeStructured) &&
		strings.EqualFold(value[:len(contentTypeStructured)], contentTypeStructured) {
		return true // with any suffix and parameters: JSON is the only format read
	}
	for _, name := range []string{headerSpecVersion, headerID, headerSource} {
		if _, ok := lookup(header, name); ok {
			return false
		}
	}
	return hasMember(body, "specversion")
}

func (e *envelope) header(header nats.Header, name string) string {
	value, err := attribute(header, name)
	if err != nil {
		e.fault(name, "is not percent-encoded UTF-8")
	}
	return value
}

// identify keeps an identity only when it is whole: an id is unique in its source
// alone.
func (e *envelope) identify(id, source string) {
	if id != "" && source != "" {
		e.id, e.source = id, source
	}
}

func (e *envelope) fault(path, problem string) {
	e.faults = append(e.faults, FieldError{Path: path, Problem: problem})
}

// openStructured unwraps the JSON event format, see
// https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md
func openStructured(body []byte) envelope {
	e := envelope{structured: true}
	var w struct {
		ID         jsontext.Value `json:"id"`
		Source     jsontext.Value `json:"source"`
		Data       jsontext.Value `json:"data"`
		DataBase64 jsontext.Value `json:"data_base64"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		if problem := textFault(body); problem != nil {
			e.faults = append(e.faults, FieldError{Problem: problem.problem})
		} else {
			e.fault("", "must be a JSON object")
		}
		return e
	}
	id := e.text("id", w.ID)
	source := e.text("source", w.Source)
	e.identify(id, source)
	e.payload(w.Data, w.DataBase64)
	return e
}

// text is a string attribute of a structured event.
func (e *envelope) text(name string, v jsontext.Value) string {
	if absent(v) {
		return ""
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		e.fault(name, "must be a string")
	}
	return s
}

func (e *envelope) payload(data, dataBase64 jsontext.Value) {
	switch {
	case absent(data) && absent(dataBase64):
		e.fault("data", "is missing")
	case !absent(data) && !absent(dataBase64):
		e.fault("data", "is given twice, as data and as data_base64")
	case !absent(data):
		e.data = data
	default:
		raw, ok := decodeBase64(dataBase64)
		if !ok {
			e.fault("data", "must be base64 in data_base64")
			return
		}
		e.data = raw
	}
	if e.data != nil && jsontext.Value(e.data).Kind() != '{' {
		e.fault("data", "must be a JSON object")
		e.data = nil
	}
}

func decodeBase64(v jsontext.Value) ([]byte, bool) {
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return nil, false
	}
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	return raw[:n], err == nil
}

func absent(v jsontext.Value) bool { return len(v) == 0 || v.Kind() == 'n' }

// hasMember says that the JSON object in text has a member of that name that is
// not null, as far as text can be read.
func hasMember(text []byte, name string) bool {
	// The name is there as it is, or with an escape; most texts have neither.
	if !bytes.Contains(text, []byte(name)) && !bytes.Contains(text, []byte(`\u`)) {
		return false
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), lenient...)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return false
	}
	for {
		tok, err := dec.ReadToken()
		if err != nil || tok.Kind() != '"' {
			return false
		}
		found := tok.String() == name
		if found && dec.PeekKind() != 'n' {
			return true
		}
		if dec.SkipValue() != nil {
			return false
		}
	}
}
