package conomy_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

// TestWalk finds a link by its token the way a caller must: page by page among
// the owner's.
func TestWalk(t *testing.T) {
	for _, recipe := range []bool{false, true} {
		_, client := sandbox(t, conomytest.Options{Recipe: recipe}, conomy.Config{})
		for i := range 23 {
			req := linkRequest(fmt.Sprintf("t-%d", i))
			if i%2 == 1 {
				req.Owner.IdentityID = "another"
			}
			if _, err := client.CreatePaymentLink(context.Background(), req); err != nil {
				t.Fatal(err)
			}
		}
		filter := conomy.PaymentLinkFilter{OwnerIdentityIDs: []string{"id-merchant"}, AccountNumbers: []string{"100200300"}, Limit: 5}
		var tokens []string
		for pages := 1; ; pages++ {
			page, err := client.ListPaymentLinks(context.Background(), filter)
			if err != nil {
				t.Fatal(err)
			}
			for _, link := range page.Links {
				tokens = append(tokens, link.CheckoutToken)
				if link.TotalAmount != "49990.5" || link.CreatedAt.IsZero() || link.Duration != 86400 {
					t.Errorf("got %+v", link)
				}
			}
			if page.Total != 12 {
				t.Errorf("total %d", page.Total)
			}
			if !page.HasNext() {
				if pages != 3 {
					t.Errorf("%d pages", pages)
				}
				break
			}
			filter.Offset = page.NextOffset()
		}
		if len(tokens) != 12 || tokens[0] != "t-0" || tokens[11] != "t-22" {
			t.Errorf("got %v", tokens)
		}
	}
}
