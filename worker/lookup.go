package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/linkworker/linkworker/conomy"
)

// maxPages bounds a walk through the vendor's links, maxPageSize is the vendor's own bound.
const (
	maxPages    = 200
	maxPageSize = 50
)

// lookups finds links by their token. The vendor has no filter for it: a look-up pages through the links of the owner and
// the accounts, which is long in a large account. So there is one walk at a time for each owner and accounts, and it looks
// for all who wait; who comes during a walk is looked for in the next.
type lookups struct {
	page func(context.Context, class, conomy.PaymentLinkFilter) (*conomy.PaymentLinkPage, error)

	mu    sync.Mutex
	walks map[string]*walk // by filter
}

// walk is a queue of look-ups with the same filter.
type walk struct {
	filter  conomy.PaymentLinkFilter
	waiting []*lookup
}

type lookup struct {
	ctx   context.Context
	class class
	token string
	done  chan struct{}
	from  int // what comes before it was looked at already
	link  *conomy.PaymentLink
	err   error
}

func newLookups(page func(context.Context, class, conomy.PaymentLinkFilter) (*conomy.PaymentLinkPage, error)) *lookups {
	return &lookups{page: page, walks: map[string]*walk{}}
}

// find returns the vendor's link with the request's token, nil when the vendor shows none. An error is that of a page; the
// next look-up goes on there, with the same position.
func (l *lookups) find(ctx context.Context, c class, r *conomy.PaymentLinkRequest, position *int) (*conomy.PaymentLink, error) {
	filter := conomy.PaymentLinkFilter{Limit: maxPageSize}
	if id := r.Owner.IdentityID; !strings.Contains(id, ",") {
		filter.OwnerIdentityIDs = []string{id}
	}
	filter.AccountNumbers = accountsOf(r)
	look := &lookup{ctx: ctx, class: c, token: r.CheckoutToken, from: *position, done: make(chan struct{})}
	l.join(filter, look)
	select {
	case <-look.done:
		*position = look.from
		return look.link, look.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// accountsOf lists the accounts that the link pays to, or nothing where one cannot be filtered by.
func accountsOf(r *conomy.PaymentLinkRequest) []string {
	accounts := map[string]bool{}
	for _, d := range r.Destinations {
		if d.Account == nil || strings.Contains(d.Account.AccountNumber, ",") {
			return nil
		}
		accounts[d.Account.AccountNumber] = true
	}
	return slices.Sorted(maps.Keys(accounts))
}

func (l *lookups) join(filter conomy.PaymentLinkFilter, look *lookup) {
	key := strings.Join(filter.OwnerIdentityIDs, ",") + "\x00" + strings.Join(filter.AccountNumbers, ",")
	l.mu.Lock()
	defer l.mu.Unlock()
	if w, walking := l.walks[key]; walking {
		w.waiting = append(w.waiting, look)
		return
	}
	w := &walk{filter: filter, waiting: []*lookup{look}}
	l.walks[key] = w
	go l.run(key, w)
}

// run walks as long as somebody waits.
func (l *lookups) run(key string, w *walk) {
	for {
		l.mu.Lock()
		waiting := w.waiting
		w.waiting = nil
		if len(waiting) == 0 {
			delete(l.walks, key)
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.walk(w.filter, waiting)
	}
}

// walk pages through the links until all who wait have theirs or there is no further page.
func (l *lookups) walk(filter conomy.PaymentLinkFilter, waiting []*lookup) {
	filter.Offset = slices.MinFunc(waiting, func(a, b *lookup) int { return a.from - b.from }).from
	for pages := 0; pages < maxPages; {
		waiting = slices.DeleteFunc(waiting, func(look *lookup) bool { return look.ctx.Err() != nil })
		if len(waiting) == 0 {
			return
		}
		// The page is fetched on behalf of the first who waits, in the most urgent class of all.
		urgent := slices.MinFunc(waiting, func(a, b *lookup) int { return int(a.class) - int(b.class) })
		page, err := l.guarded(waiting[0].ctx, urgent.class, filter)
		if err != nil {
			if waiting[0].ctx.Err() != nil || faultOf(waiting[0].ctx, err) == faultRateLimited {
				continue // the same page again: for the next who waits, or once the vendor's hold is over
			}
			for _, look := range waiting {
				look.from = max(look.from, filter.Offset)
				look.finish(nil, err)
			}
			return
		}
		pages++
		waiting = handOver(page, waiting)
		if !page.HasNext() {
			break
		}
		filter.Offset = page.NextOffset()
	}
	for _, look := range waiting {
		look.from = 0
		look.finish(nil, nil)
	}
}

// guarded turns a panic into an error for all who wait.
func (l *lookups) guarded(ctx context.Context, c class, filter conomy.PaymentLinkFilter) (page *conomy.PaymentLinkPage, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{what: fmt.Sprintf("look-up: %T", r)}
		}
	}()
	return l.page(ctx, c, filter)
}

// handOver gives the page's links to those who look for them and returns those who still wait.
func handOver(page *conomy.PaymentLinkPage, waiting []*lookup) []*lookup {
	return slices.DeleteFunc(waiting, func(look *lookup) bool {
		for i := range page.Links {
			if page.Links[i].CheckoutToken == look.token {
				link := page.Links[i]
				look.finish(&link, nil)
				return true
			}
		}
		return false
	})
}

func (k *lookup) finish(link *conomy.PaymentLink, err error) {
	k.link, k.err = link, err
	close(k.done)
}
