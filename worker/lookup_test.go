package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkworker/linkworker/conomy"
)

func request(token string) *conomy.PaymentLinkRequest {
	return &conomy.PaymentLinkRequest{
		CheckoutToken: token, Owner: conomy.Owner{IdentityID: "o"},
		Destinations: []conomy.Destination{{Account: &conomy.Account{AccountNumber: "b"}}, {Account: &conomy.Account{AccountNumber: "a"}}},
	}
}

// book pages through n links named t-0, t-1, …
func book(n int, pages *atomic.Int64) func(context.Context, class, conomy.PaymentLinkFilter) (*conomy.PaymentLinkPage, error) {
	return func(_ context.Context, _ class, f conomy.PaymentLinkFilter) (*conomy.PaymentLinkPage, error) {
		pages.Add(1)
		time.Sleep(time.Second) // of the test's own time
		page := &conomy.PaymentLinkPage{Total: n}
		for i := f.Offset; i < min(n, f.Offset+f.Limit); i++ {
			page.Links = append(page.Links, conomy.PaymentLink{CheckoutToken: fmt.Sprintf("t-%d", i)})
		}
		if f.Offset+f.Limit < n {
			page.Next = f.Offset + f.Limit
		}
		return page, nil
	}
}

func TestOneWalkForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pages atomic.Int64
		l := newLookups(book(500, &pages))
		var all sync.WaitGroup
		for i := range 500 {
			all.Go(func() {
				link, err := l.find(t.Context(), classInvoice, request(fmt.Sprintf("t-%d", i)), new(int))
				if err != nil || link == nil || link.CheckoutToken != fmt.Sprintf("t-%d", i) {
					t.Errorf("%d: %v %v", i, link, err)
				}
			})
		}
		all.Wait()
		if pages.Load() > 20 { // ten pages a walk: who came during the first is found by the second
			t.Errorf("%d pages", pages.Load())
		}
		if link, err := l.find(t.Context(), classInvoice, request("t-x"), new(int)); link != nil || err != nil {
			t.Errorf("%v %v", link, err)
		}
		synctest.Wait()
		if len(l.walks) != 0 {
			t.Error("a walk is left behind")
		}
	})
}

func TestWalkIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pages atomic.Int64
		l := newLookups(book(1<<20, &pages))
		if link, err := l.find(t.Context(), classInvoice, request("none"), new(int)); link != nil || err != nil {
			t.Errorf("%v %v", link, err)
		}
		if pages.Load() != maxPages {
			t.Errorf("%d pages", pages.Load())
		}
	})
}

func TestFailingPageIsEveryonesError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		l := newLookups(func(context.Context, class, conomy.PaymentLinkFilter) (*conomy.PaymentLinkPage, error) {
			time.Sleep(time.Second)
			return nil, broken
		})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := l.find(t.Context(), classInvoice, request("x"), new(int)); !errors.Is(err, broken) {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestWhoGivesUpDoesNotEndTheWalkOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pages atomic.Int64
		l := newLookups(book(200, &pages))
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := l.find(ctx, classInvoice, request("t-199"), new(int)); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if link, err := l.find(t.Context(), classInvoice, request("t-199"), new(int)); link == nil || err != nil {
				t.Errorf("%v %v", link, err)
			}
		})
		time.Sleep(1500 * time.Millisecond)
		cancel()
		all.Wait()
	})
}

func TestFilterIsNarrowedByOwnerAndAccounts(t *testing.T) {
	var filter conomy.PaymentLinkFilter
	l := newLookups(func(_ context.Context, _ class, f conomy.PaymentLinkFilter) (*conomy.PaymentLinkPage, error) {
		filter = f
		return &conomy.PaymentLinkPage{}, nil
	})
	for _, c := range []struct {
		owner, account   string
		owners, accounts int
	}{{"o", "a", 1, 1}, {"o,p", "a", 0, 1}, {"o", "a,b", 1, 0}} {
		r := request("x")
		r.Owner.IdentityID, r.Destinations[0].Account.AccountNumber, r.Destinations[1].Account.AccountNumber = c.owner, c.account, c.account
		if _, err := l.find(t.Context(), classInvoice, r, new(int)); err != nil {
			t.Fatal(err)
		}
		if len(filter.OwnerIdentityIDs) != c.owners || len(filter.AccountNumbers) != c.accounts || filter.Limit != 50 || filter.CustomerEmails != nil {
			t.Errorf("%+v", filter)
		}
	}
}
