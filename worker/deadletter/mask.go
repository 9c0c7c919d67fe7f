package deadletter

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/linkworker/linkworker/events"
)

const (
	// mask stands for a payer's value.
	mask = "***"
	// minMasked is how many characters a value must have: a shorter one is found
	// everywhere and tells little.
	minMasked = 3
	// minDigits is how many digits make a number that is looked for without what
	// stands between them.
	minDigits = 6
)

// MaskPayer is [MaskDetail] with the values of the event's payer, which no log and no
// dead letter's detail may show. event may be nil.
func MaskPayer(detail string, event *events.Event) string {
	if event == nil || event.Customer() == nil {
		return MaskDetail(detail, nil)
	}
	c := event.Customer()
	values := []string{c.ID, c.FirstName, c.LastName, c.Email, c.PhoneNumber, c.DocumentNumber}
	if a := c.Address; a != nil {
		values = append(values, a.Street, a.StreetNumber, a.OptionalAddress, a.Zipcode, a.AdministrativeAreaLevel2,
			a.AdministrativeAreaLevel3)
	}
	return MaskDetail(detail, values)
}

// MaskDetail is detail with each of the payer's values replaced by ***, in
// whatever case, and also where the value was escaped for a URL or for JSON or
// stripped to its digits. Values of fewer than three characters stay.
func MaskDetail(detail string, payer []string) string {
	text := []rune(strings.ToValidUTF8(detail, string(utf8.RuneError)))
	folded := fold(text)
	hidden := make([]bool, len(text))
	for _, value := range payer {
		for _, form := range writings(value) {
			hide(hidden, folded, form)
		}
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case !hidden[i]:
			b.WriteRune(r)
		case i == 0 || !hidden[i-1]:
			b.WriteString(mask)
		}
	}
	return b.String()
}

// hide marks every place where value stands, places that overlap too, so that no
// piece of a value is left over whichever is found first.
func hide(hidden []bool, text, value []rune) {
	for i := 0; i+len(value) <= len(text); i++ {
		if !slices.Equal(text[i:i+len(value)], value) {
			continue
		}
		for j := range value {
			hidden[i+j] = true
		}
	}
}

// writings lists how a value may stand in a text, folded.
func writings(value string) [][]rune {
	value = strings.TrimSpace(strings.ToValidUTF8(value, string(utf8.RuneError)))
	if utf8.RuneCountInString(value) < minMasked {
		return nil
	}
	forms := map[string]bool{value: true, url.QueryEscape(value): true, url.PathEscape(value): true}
	if quoted, err := json.Marshal(value); err == nil {
		forms[string(quoted[1:len(quoted)-1])] = true
	}
	forms[asciiJSON(value)] = true
	if digits := onlyDigits(value); len(digits) >= minDigits {
		forms[digits] = true
	}
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
