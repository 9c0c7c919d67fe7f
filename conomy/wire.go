package conomy

import (
	"errors"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Answers are read strictly in syntax (names in their own case, no duplicate
// names, valid UTF-8) and liberally in types: a number where a string is
// documented gives its text, a time or a count that cannot be read is absent,
// unknown members are ignored.
var liberal = json.WithUnmarshalers(json.JoinUnmarshalers(
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, s *string) error {
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		switch value.Kind() {
		case 'n':
			*s = ""
		case '0', '"':
			*s = scalar(value)
		default:
			return errors.New("neither a string nor a number")
		}
		return nil
	}),
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, t *time.Time) error {
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		*t, err = time.Parse(time.RFC3339, text(value))
		if err != nil {
			*t = time.Time{}
		}
		return nil
	}),
	json.UnmarshalFromFunc(func(dec *jsontext.Decoder, n *int64) error {
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		*n, _ = integer(value)
		return nil
	}),
))

// unmarshal reads an answer. Nearly every one has the documented types and needs
// no liberal reader, which would cost half as much again; what the first try has
// read of another one, the second reads over.
func unmarshal(data []byte, out any) error {
	if json.Unmarshal(data, out) == nil {
		return nil
	}
	return json.Unmarshal(data, out, liberal)
}

// text returns the text of a JSON string, "" for anything else.
func text(v jsontext.Value) string {
	if v.Kind() != '"' {
		return ""
	}
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return string(b)
}

// scalar returns the text of a JSON string or number, "" for anything else.
func scalar(v jsontext.Value) string {
	if v.Kind() == '0' {
		return string(v)
	}
	return text(v)
}

// integer returns a whole number given as a JSON number or string.
func integer(v jsontext.Value) (int64, bool) {
	s := scalar(v)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	// 86400.0 and 8.64e4 are whole numbers too.
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != float64(int64(f)) || f > 1<<53 || f < -(1<<53) {
		return 0, false
	}
	return int64(f), true
}
