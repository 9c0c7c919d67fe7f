package worker

import (
	"errors"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/events"
)

func item(total events.Amount) events.Item {
	return events.Item{PreTaxAmount: total, TotalAmount: total, Description: "Plan"}
}

func account(number string, amount events.Amount) events.Destination {
	return events.Destination{Type: "ACCOUNT", Amount: amount, Account: &events.Account{AccountNumber: number}}
}

var merchant = Merchant{
	OwnerIdentityID: "o", AccountNumber: "a", AccountIdentityID: "i", PaymentMethods: []string{"CARD"}, Duration: 60,
	SuccessURL: "https://shop.example/{checkoutToken}?t={checkoutToken}",
}

func TestFill(t *testing.T) {
	for _, c := range []struct {
		name string
		inv  events.Invoice
		want string // the terms as JSON, or a part of the error
	}{
		{"defaults", events.Invoice{Currency: "USD", Items: []events.Item{item("1.10"), item("2.20")}},
			`{"currency":"USD","items":[{"preTaxAmount":"1.10","totalAmount":"1.10","description":"Plan"},{"preTaxAmount":"2.20","totalAmount":"2.20","description":"Plan"}],"destinations":[{"type":"ACCOUNT","amount":"3.3","currency":"USD","identity":{"identityId":"i"},"account":{"accountNumber":"a"}}],"owner":{"identityId":"o"}}`},
		{"the rest", events.Invoice{Currency: "USD", Items: []events.Item{item("10")}, Destinations: []events.Destination{account("x", "3"), account("y", "")}},
			`{"currency":"USD","items":[{"preTaxAmount":"10","totalAmount":"10","description":"Plan"}],"destinations":[{"type":"ACCOUNT","amount":"3","account":{"accountNumber":"x"}},{"type":"ACCOUNT","amount":"7","account":{"accountNumber":"y"}}],"owner":{"identityId":"o"}}`},
		{"no rest", events.Invoice{Currency: "USD", Items: []events.Item{item("3")}, Destinations: []events.Destination{account("x", "3"), account("y", "")}}, "destinations[1].amount"},
		{"nothing to pay", events.Invoice{Currency: "USD", Items: []events.Item{item("-3")}}, "items"},
		{"too much to say", events.Invoice{Currency: "USD", Items: []events.Item{item("999999999999999999"), item("999999999999999999")}}, "items"},
		{"sums are the vendor's to judge", events.Invoice{Currency: "USD", Items: []events.Item{item("3")}, Destinations: []events.Destination{account("x", "9")}},
			`{"currency":"USD","items":[{"preTaxAmount":"3","totalAmount":"3","description":"Plan"}],"destinations":[{"type":"ACCOUNT","amount":"9","account":{"accountNumber":"x"}}],"owner":{"identityId":"o"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := merchant.fill(&c.inv)
			if err != nil {
				var invalid *events.InvalidError
				if !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.want) {
					t.Fatal(err)
				}
				return
			}
			data, err := encode(got)
			if err != nil {
				t.Fatal(err)
			}
			if string(data) != c.want {
				t.Errorf("got  %s\nwant %s", data, c.want)
			}
		})
	}
}

func TestFillNamesEveryMissingDefault(t *testing.T) {
	var none Merchant
	_, err := none.fill(&events.Invoice{Currency: "USD", Items: []events.Item{item("1")}})
	for _, setting := range []string{"MERCHANT_OWNER_IDENTITY_ID", "MERCHANT_ACCOUNT_NUMBER", "MERCHANT_PAYMENT_METHODS", "MERCHANT_DURATION"} {
		if err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("%v lacks %s", err, setting)
		}
	}
}

func TestTokenInURLs(t *testing.T) {
	success, failed := merchant.urls(&events.Invoice{CheckoutToken: "a/b c&%2F.."})
	if want := "https://shop.example/a%2Fb%20c%26%252F..?t=a%2Fb%20c%26%252F.."; success != want || failed != "" {
		t.Errorf("%q %q", success, failed)
	}
}

func TestCompare(t *testing.T) {
	base := &terms{Currency: "USD", Items: []events.Item{item("10.00")}, Destinations: []events.Destination{account("a", "10")}, Owner: &events.Owner{IdentityID: "o"}}
	for _, c := range []struct {
		name    string
		asked   *terms
		have    any
		lenient bool
		changed []string // paths
		missing []string
	}{
		{"itself", base, base, false, nil, nil},
		{"numbers", &terms{Currency: "USD", Items: []events.Item{item("10")}}, base, false, nil, nil},
		{"only what is given", &terms{Currency: "USD", Items: []events.Item{item("10")}}, base, false, nil, nil},
		{"currency and amount", &terms{Currency: "EUR", Items: []events.Item{item("11")}}, base, false, []string{"currency", "items[0].preTaxAmount", "items[0].totalAmount"}, nil},
		{"one item more", &terms{Currency: "USD", Items: []events.Item{item("10"), item("1")}}, base, false, []string{"items"}, nil},
		{"given, and absent there", &terms{Currency: "USD", Items: []events.Item{item("10")}, Owner: &events.Owner{IdentityID: "o", Name: "N"}}, base, false, []string{"owner.name"}, nil},
		{"the vendor repeats less", &terms{Currency: "USD", Items: []events.Item{item("10")}, Owner: &events.Owner{IdentityID: "o", Name: "N"}}, base, true, nil, nil},
		{"the vendor leaves out what matters", base, []byte(`{"currency":"USD","items":[],"destinations":[{"type":"ACCOUNT","account":{}}],"owner":null}`), true, nil,
			[]string{"items", "destinations[0].amount", "destinations[0].account.accountNumber", "owner"}},
		{"another type", base, []byte(`{"currency":"USD","items":"x","destinations":{},"owner":[1]}`), true, []string{"destinations", "items", "owner"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := compare(c.asked, c.have, c.lenient, func(s string) string { return s })
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
			check("changed", d.changed, c.changed)
			check("missing", d.missing, c.missing)
		})
	}
}
