package conomy

import "strings"

const upperHex = "0123456789ABCDEF"

// escapeSegment makes any bytes one segment of a path: all but the unreserved
// characters of RFC 3986 are percent-encoded. A segment of dots only would be
// removed as a relative one by what lies between (RFC 3986, 5.2.4), so its dots
// are encoded too.
func escapeSegment(s string) string {
	dots := strings.Trim(s, ".") == ""
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		if c := s[i]; unreserved(c) && !(dots && c == '.') {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
