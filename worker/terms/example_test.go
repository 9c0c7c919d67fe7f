package terms_test

import (
	"fmt"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/terms"
)

func ExampleCompare() {
	recorded := []byte(`{"currency":"CLP","items":[{"preTaxAmount":"8403.0","totalAmount":"9999","description":"Plan"}],
		"destinations":[{"type":"ACCOUNT","amount":"9999"}],"owner":{"identityId":"default"}}`)
	invoice := &events.Invoice{Currency: "CLP", Items: []events.Item{{PreTaxAmount: "8403", TotalAmount: "10999", Description: "Plan"}}}
	own, err := terms.Given(invoice)
	if err != nil {
		fmt.Println(err)
		return
	}
	diff, err := terms.Compare(own, recorded, false, func(text string) string { return text })
	fmt.Println(diff, err)
	// Output:
	// items[0].totalAmount: "10999" here, "9999" there <nil>
}
