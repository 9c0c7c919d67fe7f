package events

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
)

// examine is the slow way: it finds every fault of an event that read was not
// sure of, and what of it can be read all the same.
func (e *Event) examine(env envelope, body []byte) (*Event, error) {
	faults := newFaults(e.Kind)
	for _, f := range env.faults {
		faults.add(f.Path, f.Problem)
	}
	if env.data != nil || len(env.faults) == 0 { // nothing at all is data, too
		faults.ofData(env.data)
	}
	if len(faults.list) == 0 {
		if e.read(true) {
			return e, nil
		}
		// The two ways must agree; should they not, the stricter one counts.
		faults.add("", "cannot be read")
	}
	return nil, e.invalid(env, body, faults.sorted())
}

// unreadable is the error for what is not looked into: a foreign subject, or a
// body that is too large.
func unreadable(subject string, header nats.Header, body []byte) *InvalidError {
	e := &Event{Subject: subject, Kind: kindOf(subject)}
	var env envelope
	problem := "has a subject that asks for nothing"
	if e.Kind != "" {
		problem = "is larger than 256 KiB"
		env.structured = structured(header, body)
	}
	if !env.structured {
		id, _ := attribute(header, headerID)
		source, _ := attribute(header, headerSource)
		env.identify(id, source)
	}
	return e.invalid(env, body, []FieldError{{Problem: problem}})
}

// invalid is the error with what can be salvaged from the body.
func (e *Event) invalid(env envelope, body []byte, fields []FieldError) *InvalidError {
	s := salvage{structured: env.structured}
	s.read(body)
	if env.structured && env.id == "" {
		env.identify(s.id, s.source)
	}
	if e.Kind == KindPaymentLink {
		s.requestID = "" // of an invoice an unknown field
	}
	return &InvalidError{
		Subject: e.Subject, Kind: e.Kind,
		Token: s.token, InvoiceID: s.invoiceID, RequestID: s.requestID, Metadata: s.metadata,
		ID: env.id, Source: env.source, Fields: fields,
	}
}

// salvage holds what can be read of a broken event. The first of two members of
// one name counts.
type salvage struct {
	structured                  bool
	token, invoiceID, requestID string
	metadata                    jsontext.Value
	id, source                  string
}

func (s *salvage) read(body []byte) {
	s.object(jsontext.NewDecoder(bytes.NewBuffer(body), lenient...), s.structured)
}

// object reads the members of one object, up to where the text breaks.
func (s *salvage) object(dec *jsontext.Decoder, envelope bool) {
	if dec.PeekKind() != '{' {
		return
	}
	if _, err := dec.ReadToken(); err != nil {
		return
	}
	for {
		tok, err := dec.ReadToken()
		if err != nil || tok.Kind() != '"' {
			return
		}
		name := tok.String()
		if envelope && name == "data" && dec.PeekKind() == '{' {
			s.object(dec, false)
			continue
		}
		if !salvaged(name, envelope) {
			err = dec.SkipValue()
		} else {
			var v jsontext.Value
			v, err = dec.ReadValue()
			if err == nil {
				s.member(name, v, envelope)
			}
		}
		if err != nil {
			return
		}
	}
}

func salvaged(name string, envelope bool) bool {
	if envelope {
		return name == "id" || name == "source" || name == "data_base64"
	}
	return name == "checkoutToken" || name == "invoiceId" || name == "requestId" || name == "metadata"
}

func (s *salvage) member(name string, v jsontext.Value, envelope bool) {
	switch name {
	case "checkoutToken":
		keep(&s.token, v, validToken)
	case "requestId":
		keep(&s.requestID, v, validToken)
	case "invoiceId":
		keep(&s.invoiceID, v, nil)
	case "metadata":
		if s.metadata == nil && validMetadata(v) && v.IsValid() {
			s.metadata = v.Clone()
		}
	case "id":
		keep(&s.id, v, nil)
	case "source":
		keep(&s.source, v, nil)
	case "data_base64":
		if raw, ok := decodeBase64(v); ok && envelope {
			s.object(jsontext.NewDecoder(bytes.NewBuffer(raw), lenient...), false)
		}
	}
}

// keep sets a string that is not set yet, if v is one and keeps the rule.
func keep(to *string, v jsontext.Value, rule func(string) bool) {
	var s string
	if *to != "" || v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return
	}
	if rule == nil || rule(s) {
		*to = s
	}
}

// validURL is the rule of successUrl and failedUrl.
func validURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// comparePaths orders paths as a reader expects: indexes as numbers.
func comparePaths(a, b FieldError) int {
	return slices.Compare(pathKey(a.Path), pathKey(b.Path))
}

func pathKey(path string) []string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	for i, p := range parts {
		if n := leadingDigits(p); n == len(p) {
			parts[i] = strings.Repeat("0", max(0, 7-n)) + p
		}
	}
	return parts
}
