package deadletter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

// Filter says which dead letters are meant. A zero field means all of them.
type Filter struct {
	// Token is a pattern of the whole checkoutToken: * stands for any text, slashes
	// included, ? for one character, [abc], [a-z] and [^a-z] for one of a set, and \
	// takes a character's meaning away. Blanks around it do not count, as letters do
	// not carry them.
	Token string
	// Subject is the original's: invoice.issued or session.requested.
	Subject string
	Reason  Reason
	// Code is the vendor's.
	Code string
	// Since and Until bound when the letter came into the stream; Since is within,
	// Until is not.
	Since, Until time.Time
	// Limit ends the listing after so many letters.
	Limit int
}

// Check reports what is wrong with the filter.
func (f Filter) Check() error {
	_, err := f.matcher()
	return err
}

// onlyLetters says that a message which is no dead letter cannot be meant.
func (f Filter) onlyLetters() bool { return f.Token != "" || f.Reason != "" || f.Code != "" }

// matcher returns the part of the filter that the stream cannot apply, for a
// message's headers.
func (f Filter) matcher() (func(nats.Header) bool, error) {
	if f.Reason != "" && !slices.Contains(Reasons(), f.Reason) {
		return nil, fmt.Errorf("%q is no reason: there are %s", f.Reason, joinReasons())
	}
	if subjects := []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested}; f.Subject != "" && !slices.Contains(subjects, f.Subject) {
		return nil, fmt.Errorf("%q is no subject of events: there are %s", f.Subject, strings.Join(subjects, " and "))
	}
	if f.Limit < 0 {
		return nil, fmt.Errorf("the limit %d is below zero", f.Limit)
	}
	token, err := glob(clean(f.Token))
	if err != nil {
		return nil, err
	}
	return func(header nats.Header) bool {
		return (f.Reason == "" || header.Get(headerReason) == string(f.Reason)) &&
			(f.Code == "" || header.Get(headerCode) == f.Code) &&
			token(header.Get(headerToken))
	}, nil
}

func joinReasons() string {
	var all []string
	for _, r := range Reasons() {
		all = append(all, string(r))
	}
	return strings.Join(all, ", ")
}

// literal is the only text that a pattern means, if there is only one.
func literal(pattern string) (text string, one bool) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.IndexByte("*?[", c) >= 0:
			return "", false
		case c == '\\' && i+1 < len(pattern):
			i++
			fallthrough
		default:
			b.WriteByte(pattern[i])
		}
	}
	return b.String(), true
}

// glob returns the test of a pattern; that of the empty one is always true.
func glob(pattern string) (func(string) bool, error) {
	switch {
	case pattern == "":
		return func(string) bool { return true }, nil
	case !strings.ContainsAny(pattern, `*?[\`):
		return func(text string) bool { return text == pattern }, nil
	}
	bad := fmt.Errorf("%q is no pattern: a [ without its ], or a \\ at the end; \\[ and \\\\ stand for themselves", pattern)
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	runes := []rune(pattern)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case '*':
			b.WriteString(`.*`)
		case '?':
			b.WriteString(`.`)
		case '\\':
			if i++; i == len(runes) {
				return nil, bad
			}
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		case '[':
			end, set := globSet(runes, i+1)
			if end == 0 {
				return nil, bad
			}
			b.WriteString(set)
			i = end
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, bad
	}
	return re.MatchString, nil
}

// globSet reads a set that begins at from, behind its bracket: where its end is, 0
// where it has none, and the set as a regular expression.
func globSet(runes []rune, from int) (end int, set string) {
	var b strings.Builder
	b.WriteByte('[')
	i := from
	if i < len(runes) && (runes[i] == '^' || runes[i] == '!') {
		b.WriteByte('^')
		i++
	}
	for first := true; i < len(runes); i, first = i+1, false {
		switch r := runes[i]; {
		case r == ']' && !first:
			b.WriteByte(']')
			return i, b.String()
		case r == '-' && !first && i+1 < len(runes) && runes[i+1] != ']':
			b.WriteByte('-')
		default:
			if r == '\\' && i+1 < len(runes) {
				i++
				r = runes[i]
			}
			fmt.Fprintf(&b, `\x{%x}`, r)
		}
	}
	return 0, ""
}
