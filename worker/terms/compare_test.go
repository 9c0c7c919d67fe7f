package terms_test

import (
	"strings"
	"testing"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/terms"
)

func item(total events.Amount) events.Item {
	return events.Item{PreTaxAmount: total, TotalAmount: total, Description: "Plan"}
}

func account(number string, amount events.Amount) events.Destination {
	return events.Destination{Type: "ACCOUNT", Amount: amount, Account: &events.Account{AccountNumber: number}}
}

func TestCompare(t *testing.T) {
	base := &terms.Terms{Currency: "USD", Items: []events.Item{item("10.00")}, Destinations: []events.Destination{account("a", "10")}, Owner: &events.Owner{IdentityID: "o"}}
	for _, c := range []struct {
		name    string
		asked   *terms.Terms
		have    any
		lenient bool
		changed []string // paths
		missing []string
	}{
		{"itself", base, base, false, nil, nil},
		{"numbers", &terms.Terms{Currency: "USD", Items: []events.Item{item("10")}}, base, false, nil, nil},
		{"only what is given", &terms.Terms{Currency: "USD", Items: []events.Item{item("10")}}, base, false, nil, nil},
		{"currency and amount", &terms.Terms{Currency: "EUR", Items: []events.Item{item("11")}}, base, false, []string{"currency", "items[0].preTaxAmount", "items[0].totalAmount"}, nil},
		{"one item more", &terms.Terms{Currency: "USD", Items: []events.Item{item("10"), item("1")}}, base, false, []string{"items"}, nil},
		{"given, and absent there", &terms.Terms{Currency: "USD", Items: []events.Item{item("10")}, Owner: &events.Owner{IdentityID: "o", Name: "N"}}, base, false, []string{"owner.name"}, nil},
		{"the vendor repeats less", &terms.Terms{Currency: "USD", Items: []events.Item{item("10")}, Owner: &events.Owner{IdentityID: "o", Name: "N"}}, base, true, nil, nil},
		{"the vendor leaves out what matters", base, []byte(`{"currency":"USD","items":[],"destinations":[{"type":"ACCOUNT","account":{}}],"owner":null}`), true, nil,
			[]string{"items", "destinations[0].amount", "destinations[0].account.accountNumber", "owner"}},
		{"another type", base, []byte(`{"currency":"USD","items":"x","destinations":{},"owner":[1]}`), true, []string{"destinations", "items", "owner"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := terms.Compare(c.asked, c.have, c.lenient, func(s string) string { return s })
			if err != nil {
				t.Fatal(err)
			}
			check := func(what string, got, want []string) {
				if len(got) != len(want) {
					t.Fatalf("%s: got %q, want %q", what, got, want)
				}
				for _, path := range want {
					if !strings.Contains("; "+strings.Join(got, "; "), "; "+path+":") {
						t.Errorf("%s: %q lacks %s", what, got, path)
					}
				}
			}
			check("changed", d.Changed, c.changed)
			check("missing", d.Missing, c.missing)
		})
	}
}
