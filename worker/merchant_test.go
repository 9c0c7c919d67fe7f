package worker

import (
	"errors"
	"slices"
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
			if got.Rest == nil || !slices.Equal(got.Rest.PaymentMethodsAllowed, merchant.PaymentMethods) || got.Rest.Duration != merchant.Duration {
				t.Errorf("the rest: %+v", got.Rest)
			}
			got.Rest = nil
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
	rest := merchant.rest(&events.Invoice{CheckoutToken: "a/b c&%2F.."})
	if want := "https://shop.example/a%2Fb%20c%26%252F..?t=a%2Fb%20c%26%252F.."; rest.SuccessURL != want || rest.FailedURL != "" {
		t.Errorf("%+v", rest)
	}
}
