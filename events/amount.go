package events

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// Amount is a decimal string in the currency's major unit, "49990" or "12.50",
// as the vendor writes amounts: an optional minus sign, 1 to 18 digits, and
// optionally a point with 1 to 18 more. It is never a float, and a JSON number
// is refused, because a number's digits do not survive every JSON library. The
// empty Amount stands for an absent one.
type Amount string

// amountDigits is the most digits on either side of the point.
const amountDigits = 18

var errAmount = errors.New("amount is not a decimal string")

// Decimal is the amount as an exact number. The error does not quote the amount.
func (a Amount) Decimal() (decimal.Decimal, error) {
	if !a.Valid() {
		return decimal.Decimal{}, errAmount
	}
	d, err := decimal.NewFromString(string(a))
	if err != nil {
		return decimal.Decimal{}, errAmount
	}
	return d, nil
}

// UnmarshalJSON takes a JSON string that is an amount, or null for none.
func (a *Amount) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*a = ""
		return nil
	}
	if n := len(text); n > 2 && text[0] == '"' && text[n-1] == '"' {
		if s := Amount(text[1 : n-1]); s.Valid() {
			*a = s
			return nil
		}
	}
	// The permitted characters need no escape, but a writer may escape them all
	// the same.
	s, err := jsontext.AppendUnquote(nil, text)
	if err != nil || !Amount(s).Valid() {
		return errAmount
	}
	*a = Amount(s)
	return nil
}

// Valid says that the amount is one; an absent one is none.
func (a Amount) Valid() bool {
	rest := string(a)
	if rest != "" && rest[0] == '-' {
		rest = rest[1:]
	}
	whole := leadingDigits(rest)
	if whole < 1 || whole > amountDigits {
		return false
	}
	rest = rest[whole:]
	if rest == "" {
		return true
	}
	if rest[0] != '.' {
		return false
	}
	fraction := leadingDigits(rest[1:])
	return fraction >= 1 && fraction <= amountDigits && fraction == len(rest)-1
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
