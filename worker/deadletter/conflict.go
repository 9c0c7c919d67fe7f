package deadletter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/shopspring/decimal"

	"github.com/linkworker/linkworker/events"
)

// ownTerms are the terms that an invoice states itself, which is what decides
// between a duplicate and a conflict.
type ownTerms struct {
	Currency     string               `json:"currency"`
	Items        []events.Item        `json:"items"`
	Destinations []events.Destination `json:"destinations,omitzero"`
	Owner        *events.Owner        `json:"owner,omitzero"`
}

// maxDifferences bounds how many of them a forecast lists.
const maxDifferences = 8

// conflict says in which terms the event differs from the recorded ones, "" where
// it does not.
func conflict(event *events.Event, recorded []byte) (string, error) {
	if event.Invoice == nil || len(recorded) == 0 {
		return "", nil
	}
	inv := event.Invoice
	asked, err := asTree(&ownTerms{inv.Currency, inv.Items, shared(inv), inv.Owner})
	if err != nil {
		return "", err
	}
	var have any
	if err := json.Unmarshal(recorded, &have); err != nil {
		return "", fmt.Errorf("recorded terms: %w", err)
	}
	var paths []string
	disagree(&paths, "", "", asked, have)
	if len(paths) > maxDifferences {
		paths = append(paths[:maxDifferences:maxDifferences], fmt.Sprintf("and %d more", len(paths)-maxDifferences))
	}
	return strings.Join(paths, "; "), nil
}

// shared gives the destination that lacks an amount the rest of the items' total.
func shared(inv *events.Invoice) []events.Destination {
	open := slices.IndexFunc(inv.Destinations, func(d events.Destination) bool { return d.Amount == "" })
	if open < 0 {
		return inv.Destinations
	}
	rest := decimal.Zero
	for i := range inv.Items {
		amount, _ := inv.Items[i].TotalAmount.Decimal() // a valid event's
		rest = rest.Add(amount)
	}
	for i := range inv.Destinations {
		amount, _ := inv.Destinations[i].Amount.Decimal() // zero where it is absent
		rest = rest.Sub(amount)
	}
	all := slices.Clone(inv.Destinations)
	all[open].Amount = events.Amount(rest.String())
	return all
}

func asTree(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("terms: %w", err)
	}
	var tree any
	err = json.Unmarshal(text, &tree)
	return tree, err
}

// disagree collects where have lacks, or has differently, what asked states.
func disagree(paths *[]string, path, name string, asked, have any) {
	switch a := asked.(type) {
	case map[string]any:
		h, _ := have.(map[string]any)
		for _, field := range slices.Sorted(maps.Keys(a)) {
			if stated(a[field]) {
				disagree(paths, strings.TrimPrefix(path+"."+field, "."), field, a[field], h[field])
			}
		}
		return
	case []any:
		h, _ := have.([]any)
		if len(a) != len(h) {
			*paths = append(*paths, fmt.Sprintf("%s: %d here, %d there", path, len(a), len(h)))
			return
		}
		for i := range a {
			disagree(paths, fmt.Sprintf("%s[%d]", path, i), name, a[i], h[i])
		}
		return
	}
	switch {
	case asked == have, equalNumbers(name, asked, have):
	case have == nil:
		*paths = append(*paths, fmt.Sprintf("%s: %q here, absent there", path, fmt.Sprint(asked)))
	default:
		*paths = append(*paths, fmt.Sprintf("%s: %q here, %q there", path, fmt.Sprint(asked), fmt.Sprint(have)))
	}
}

// stated reports whether a value says anything.
func stated(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	}
	return true
}

// equalNumbers says that both are the same amount: "1.50" is "1.5".
func equalNumbers(name string, a, b any) bool {
	x, xok := a.(string)
	y, yok := b.(string)
	if !xok || !yok || !slices.Contains([]string{"preTaxAmount", "totalAmount", "amount", "value"}, name) {
		return false
	}
	dx, xerr := events.Amount(x).Decimal()
	dy, yerr := events.Amount(y).Decimal()
	return xerr == nil && yerr == nil && dx.Equal(dy)
}
