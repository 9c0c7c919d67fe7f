package deadletter

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// sought is what is looked for of a value, and whether that is the whole of it.
func sought(value string) (begin string, whole bool) {
	value = strings.TrimSpace(strings.ToValidUTF8(value, string(utf8.RuneError)))
	n := 0
	for i := range value {
		if n++; n > maxSought {
			return value[:i], false
		}
	}
	return value, true
}

// writings lists how a value may stand in a text, folded.
func writings(value string) [][]rune {
	if utf8.RuneCountInString(value) < minMasked {
		return nil
	}
	forms := map[string]bool{value: true, url.QueryEscape(value): true, url.PathEscape(value): true, html.EscapeString(value): true}
	if quoted, err := json.Marshal(value); err == nil {
		forms[string(quoted[1:len(quoted)-1])] = true
	}
	forms[asciiJSON(value)] = true
	folded := make([][]rune, 0, len(forms))
	for form := range forms {
		folded = append(folded, fold([]rune(form)))
	}
	return folded
}

// asciiJSON escapes what is not ASCII as many JSON encoders do by default.
func asciiJSON(value string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(value)) {
		if unit < utf8.RuneSelf {
			b.WriteByte(byte(unit))
		} else {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func onlyDigits(value string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, value)
}

// fold maps each character to one that all its cases share.
func fold(text []rune) []rune {
	folded := make([]rune, len(text))
	for i, r := range text {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		folded[i] = least
	}
	return folded
}
