package conomy

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDetailBytes = 512
	maxCauseBytes  = 256
	maxWordBytes   = 128 // codes, types, trace ids
)

// The work of masking grows with the text and with the value: who sends a payer's
// name of a hundred kilobytes, and has it repeated, must not buy minutes with it.
const (
	maxSearchedBytes = 4 << 10 // of a text, the rest is left out
	maxSoughtBytes   = 64      // of a value; all that follows it is masked, too
	maxSoughtDigits  = 32
	// endBytes is left out where the text was cut: a value may begin there.
	endBytes = 256
)

// masker cleans text that others wrote before an error shows it.
type masker struct {
	grant    grant // what the exchange was made with
	personal payer // nil for nobody
}

// payer is somebody of whom values are known.
type payer interface{ values() []string }

// secrets lists the values that no text may show.
func (m *masker) secrets() []string { return append(m.grant.creds.secrets(), m.grant.token) }

// payers lists the payer's values that no text may show.
func (m *masker) payers() []string {
	if m.personal == nil {
		return nil
	}
	return m.personal.values()
}

var email = regexp.MustCompile(`[^\s@<>"',;:()]+@[^\s@<>"',;:()]+`)

// clean masks first, so that a cut never leaves part of a value behind, then
// drops control characters and bounds the length.
func (m *masker) clean(s string, limit int) string {
	isCut := len(s) > maxSearchedBytes
	if isCut {
		s = s[:maxSearchedBytes]
	}
	s = m.maskSecrets(strings.ToValidUTF8(s, "\uFFFD"))
	for _, v := range m.payers() {
		v = strings.TrimSpace(v)
		if len(v) < shortNumber && strings.Trim(v, "0123456789") == "" {
			continue
		}
		s = maskDigits(maskWord(s, v), v)
		if q := url.QueryEscape(v); q != v {
			s = maskWord(s, q)
		}
	}
	s = email.ReplaceAllString(s, redacted)
	if isCut && !strings.HasSuffix(s, redacted) {
		s = bound(s, max(0, len(s)-endBytes))
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			return -1
		default:
			return r
		}
	}, s)
	return bound(strings.TrimSpace(s), limit)
}

func (m *masker) maskSecrets(s string) string {
	for _, v := range m.secrets() {
		if v == "" {
			continue
		}
		s = maskWord(s, v)
		if q := url.QueryEscape(v); q != v {
			s = maskWord(s, q)
		}
	}
	return s
}

// word cleans one of the provider's fixed words. plain says that s can be
// nothing else: then a payer's value that happens to be the same, a street
// number 13 say, must not hide a code that callers branch on.
func (m *masker) word(s string, plain bool) string {
	if plain {
		return m.maskSecrets(s)
	}
	return m.clean(s, maxWordBytes)
}

const (
	// shortValue is up to where a value is masked only as a word of its own: a
	// payer named Ann must not spoil "cannot", but a phone number is masked
	// behind its prefix too.
	shortValue = 4
	// shortNumber is from where a number tells something of a payer: a house
	// number 1 would be masked in items[1].
	shortNumber = 3
	// longNumber is from how many digits on a number is known by them alone.
	longNumber = 6
)

// maskDigits masks the digits of a value that has many, in whatever groups they are
// written: (9) 1234-5678 for 912345678.
func maskDigits(s, value string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, value)
	if len(digits) < longNumber {
		return s
	}
	rest := ""
	if len(digits) > maxSoughtDigits {
		digits, rest = digits[:maxSoughtDigits], `[0-9 .\-_()/]*`
	}
	grouped := regexp.MustCompile(strings.Join(strings.Split(digits, ""), `[ .\-_()/]{0,2}`) + rest)
	return grouped.ReplaceAllString(s, redacted)
}

// maskWord masks value in any case.
func maskWord(s, value string) string {
	pattern := regexp.QuoteMeta(value)
	if len(value) > maxSoughtBytes {
		pattern = regexp.QuoteMeta(bound(value, maxSoughtBytes)) + ".*"
	}
	find, err := regexp.Compile("(?is)" + pattern)
	if err != nil {
		return redacted // not valid UTF-8: rather no text than a value
	}
	var b strings.Builder
	last := 0
	for _, at := range find.FindAllStringIndex(s, -1) {
		if len(value) <= shortValue && (inWord(s, at[0]) || inWord(s, at[1])) {
			continue
		}
		b.WriteString(s[last:at[0]])
		b.WriteString(redacted)
		last = at[1]
	}
	b.WriteString(s[last:])
	return b.String()
}

// inWord reports whether a word goes on across position i.
func inWord(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i:])
	return wordRune(before) && wordRune(after)
}

func wordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// bound cuts s to limit bytes, between characters.
func bound(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	s = s[:limit]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
