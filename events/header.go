package events

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
)

var errEncoding = errors.New("not percent-encoded UTF-8")

// lookup finds a header whatever its case: NATS itself does not fold it. Where
// several spellings are there, the name as it is wins, then the first in order.
func lookup(header nats.Header, name string) (string, bool) {
	if values := header[name]; len(values) > 0 {
		return values[0], true
	}
	best, value := "", ""
	for key, values := range header {
		if len(values) > 0 && strings.EqualFold(key, name) && (best == "" || key < best) {
			best, value = key, values[0]
		}
	}
	return value, best != ""
}

// attribute is a header's value, decoded once, "" where there is none.
func attribute(header nats.Header, name string) (string, error) {
	value, _ := lookup(header, name)
	return percentDecode(unquoteHeader(strings.TrimSpace(value)))
}

// unquoteHeader resolves a quoted string, RFC 9110, section 5.6.4, which older
// writers use.
func unquoteHeader(value string) string {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return value
	}
	value = value[1 : len(value)-1]
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

// percentDecode decodes %xy; a percent sign that begins no such triple stands for
// itself.
func percentDecode(value string) (string, error) {
	if strings.Contains(value, "%") {
		var b strings.Builder
		for i := 0; i < len(value); i++ {
			if value[i] == '%' && i+2 < len(value) {
				hi, lo := hexDigit(value[i+1]), hexDigit(value[i+2])
				if hi >= 0 && lo >= 0 {
					b.WriteByte(byte(hi<<4 | lo)) // #nosec G115 -- two digits of four bits
					i += 2
					continue
				}
			}
			b.WriteByte(value[i])
		}
		value = b.String()
	}
	if !utf8.ValidString(value) {
		return "", errEncoding
	}
	return value, nil
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}

// percentEncode encodes space, the double quote, the percent sign and all outside
// printable ASCII.
func percentEncode(value string) string {
	plain := true
	for i := range len(value) {
		plain = plain && headerByte(value[i])
	}
	if plain {
		return value
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		if headerByte(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func headerByte(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '%' }
