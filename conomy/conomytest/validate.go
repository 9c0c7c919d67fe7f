package conomytest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"
)

var (
	amountForm   = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,18})?$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3,5}$`)
	methodForm   = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

	requirements = []string{
		"firstName", "email", "lastName", "phoneNumber", "phoneNumberPrefix",
		"address", "documentNumber", "documentType",
	}
	customerTexts = []string{
		"id", "firstName", "lastName", "email", "phoneNumber", "phoneNumberPrefix", "documentType", "documentNumber",
	}
)

const (
	maxTokenBytes = 200
	minDuration   = 30
)

// checkLinkRequest holds a create against the provider's rules. It returns nil
// for a good one.
func checkLinkRequest(body object) *answer {
	token, a := text(body, "checkoutToken", "checkoutToken", true)
	if a != nil {
		return a
	}
	if len(token) > maxTokenBytes || strings.ContainsFunc(token, unicode.IsControl) {
		return invalid("checkoutToken", "is too long or has control characters")
	}
	currency, a := text(body, "currency", "currency", true)
	if a != nil {
		return a
	}
	if !currencyForm.MatchString(currency) {
		return invalid("currency", "is not a currency code")
	}
	for _, check := range []func(object) *answer{
		checkItems, checkMethods, checkDestinations, checkDuration, checkOwner, checkCustomer, checkRequirements,
	} {
		if a := check(body); a != nil {
			return a
		}
	}
	for _, name := range []string{"successUrl", "failedUrl"} {
		if _, a := text(body, name, name, false); a != nil {
			return a
		}
	}
	return nil
}

func checkItems(body object) *answer {
	return eachObject(body, "items", func(item object, path string) *answer {
		for _, name := range []string{"preTaxAmount", "totalAmount"} {
			if a := amount(item, name, path); a != nil {
				return a
			}
		}
		if _, ok := item["description"].(string); !ok {
			return missing(path + ".description")
		}
		if item["tax"] == nil {
			return nil
		}
		tax, ok := item["tax"].(object)
		if !ok {
			return invalid(path+".tax", "is not an object")
		}
		for _, name := range []string{"name", "type"} {
			if _, a := text(tax, name, path+".tax."+name, true); a != nil {
				return a
			}
		}
		if kind := tax["type"]; kind != "FIXED" && kind != "PERCENTAGE" {
			return invalid(path+".tax.type", "is neither FIXED nor PERCENTAGE")
		}
		for _, name := range []string{"value", "amount"} {
			if a := amount(tax, name, path+".tax"); a != nil {
				return a
			}
		}
		return nil
	})
}

func checkMethods(body object) *answer {
	methods, a := list(body, "paymentMethodsAllowed", true)
	for i, m := range methods {
		// The provider's list of methods grows: only the form is checked.
		if name, ok := m.(string); !ok || !methodForm.MatchString(name) {
			return invalid(fmt.Sprintf("paymentMethodsAllowed[%d]", i), "is not a payment method")
		}
	}
	return a
}

func checkDestinations(body object) *answer {
	return eachObject(body, "destinations", func(d object, path string) *answer {
		kind, a := text(d, "type", path+".type", true)
		if a != nil {
			return a
		}
		if kind != "ACCOUNT" {
			return invalid(path+".type", "is not ACCOUNT")
		}
		if a := amount(d, "amount", path); a != nil {
			return a
		}
		for _, name := range []string{"currency", "name", "externalId"} {
			if _, a := text(d, name, path+"."+name, false); a != nil {
				return a
			}
		}
		account, ok := d["account"].(object)
		if !ok {
			return missing(path + ".account")
		}
		if _, a := text(account, "accountNumber", path+".account.accountNumber", true); a != nil {
			return a
		}
		return checkDestinationMetadata(d, path+".metadata")
	})
}

func checkDestinationMetadata(d object, path string) *answer {
	if d["metadata"] == nil {
		return nil
	}
	metadata, ok := d["metadata"].(object)
	if !ok {
		return invalid(path, "is not an object")
	}
	for _, name := range []string{"image", "description", "category"} {
		if _, ok := metadata[name].(string); !ok {
			return missing(path + "." + name)
		}
	}
	return nil
}

func checkDuration(body object) *answer {
	switch d := body["duration"].(type) {
	case nil:
		return missing("duration")
	case float64:
		if d < minDuration || d != float64(int64(d)) {
			return invalid("duration", "is not a whole number of 30 seconds or more")
		}
		return nil
	default:
		return invalid("duration", "is not a number")
	}
}

func checkOwner(body object) *answer {
	owner, ok := body["owner"].(object)
	if !ok {
		return missing("owner")
	}
	_, a := text(owner, "identityId", "owner.identityId", true)
	return a
}

func checkCustomer(body object) *answer {
	if body["customer"] == nil {
		return nil
	}
	customer, ok := body["customer"].(object)
	if !ok {
		return invalid("customer", "is not an object")
	}
	for _, name := range customerTexts {
		if _, a := text(customer, name, "customer."+name, false); a != nil {
			return a
		}
	}
	if address := customer["address"]; address != nil {
		if _, ok := address.(object); !ok {
			return invalid("customer.address", "is not an object")
		}
	}
	return nil
}

func checkRequirements(body object) *answer {
	names, a := list(body, "customerRequirements", false)
	for i, v := range names {
		if name, ok := v.(string); !ok || !slices.Contains(requirements, name) {
			return invalid(fmt.Sprintf("customerRequirements[%d]", i), "is not known")
		}
	}
	return a
}

// text returns a string field. An empty one counts as missing.
func text(o object, name, path string, required bool) (string, *answer) {
	switch v := o[name].(type) {
	case string:
		if v == "" && required {
			return "", missing(path)
		}
		return v, nil
	case nil:
		if required {
			return "", missing(path)
		}
		return "", nil
	default:
		return "", invalid(path, "is not a string")
	}
}

// amount checks a required amount, a decimal string and never a number.
func amount(o object, name, path string) *answer {
	v, a := text(o, name, path+"."+name, true)
	if a == nil && !amountForm.MatchString(v) {
		a = invalid(path+"."+name, "is not a decimal")
	}
	return a
}

func list(o object, name string, required bool) ([]any, *answer) {
	switch v := o[name].(type) {
	case []any:
		if len(v) == 0 && required {
			return nil, invalid(name, "is empty")
		}
		return v, nil
	case nil:
		if required {
			return nil, missing(name)
		}
		return nil, nil
	default:
		return nil, invalid(name, "is not a list")
	}
}

func eachObject(o object, name string, check func(item object, path string) *answer) *answer {
	items, a := list(o, name, true)
	for i, v := range items {
		path := fmt.Sprintf("%s[%d]", name, i)
		item, ok := v.(object)
		if !ok {
			return invalid(path, "is not an object")
		}
		if a := check(item, path); a != nil {
			return a
		}
	}
	return a
}

// sum adds up a field of the items, which have been checked.
func sum(items any, field string) string {
	var total decimal.Decimal
	list, _ := items.([]any)
	for _, item := range list {
		o, _ := item.(object)
		if s, ok := o[field].(string); ok {
			if d, err := decimal.NewFromString(s); err == nil {
				total = total.Add(d)
			}
		}
	}
	return total.String()
}
