package deadletter

import (
	"slices"
	"strings"
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

// The work of masking grows with the text and with the value: who sends a payer's name
// of a hundred kilobytes, and has it repeated, must not buy minutes with it.
const (
	maxSearched = 8 << 10 // characters of a text; the rest is left out
	maxSought   = 128     // characters of a value; where they stand, all that follows is masked
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
// whatever case, and also where the value was escaped for a URL, for JSON or for
// HTML, or where its digits are written in other groups. Values of fewer than three
// characters stay. Of a detail of more than 8192 characters the rest is left out.
func MaskDetail(detail string, payer []string) string {
	text := []rune(strings.ToValidUTF8(detail, string(utf8.RuneError)))
	isCut := len(text) > maxSearched
	if isCut {
		text = text[:maxSearched]
	}
	folded := fold(text)
	hidden := make([]bool, len(text))
	if isCut { // a value may begin there
		hideFrom(hidden, len(text)-maxSought)
	}
	for _, value := range payer {
		value, whole := sought(value)
		for _, form := range writings(value) {
			hide(hidden, folded, form, whole)
		}
		if digits := onlyDigits(value); len(digits) >= minDigits {
			hideGrouped(hidden, text, digits, whole)
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
// piece of a value is left over whichever is found first; and all that follows where
// it is not the whole value.
func hide(hidden []bool, text, value []rune, whole bool) {
	for i := 0; i+len(value) <= len(text); i++ {
		if !slices.Equal(text[i:i+len(value)], value) {
			continue
		}
		if !whole {
			hideFrom(hidden, i)
			return
		}
		for j := range value {
			hidden[i+j] = true
		}
	}
}

func hideFrom(hidden []bool, start int) {
	for i := start; i < len(hidden); i++ {
		hidden[i] = true
	}
}

// maxGap is how many characters may stand between two digits of one number.
const maxGap = 2

// hideGrouped marks every place where the digits stand one after another, whatever
// separates them: (9) 1234-5678 for 912345678.
func hideGrouped(hidden []bool, text []rune, digits string, whole bool) {
	for start, r := range text {
		if r != rune(digits[0]) {
			continue
		}
		found, gap, end := 1, 0, start+1
		for at := end; at < len(text) && found < len(digits) && gap <= maxGap; at++ {
			switch {
			case text[at] == rune(digits[found]):
				found, gap, end = found+1, 0, at+1
			case strings.ContainsRune(" .-_()/", text[at]):
				gap++
			default:
				gap = maxGap + 1
			}
		}
		if found < len(digits) {
			continue
		}
		if !whole {
			hideFrom(hidden, start)
			return
		}
		for i := start; i < end; i++ {
			hidden[i] = true
		}
	}
}
