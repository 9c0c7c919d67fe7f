package conomy

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

const (
	maxIDBytes     = 256
	maxURLBytes    = 2048
	maxAmountBytes = 64
	maxExponent    = 64
)

// askedTotal adds up what is asked for; it refuses amounts that an answer could
// not be compared with.
func askedTotal(req *PaymentLinkRequest) (sum decimal.Decimal, err error) {
	for i, item := range req.Items {
		amount, err := parseAmount(item.TotalAmount)
		if err != nil {
			return sum, fmt.Errorf("conomy: %s: items[%d].totalAmount is not a decimal", EndpointCreatePaymentLink, i)
		}
		sum = sum.Add(amount)
	}
	return sum, nil
}

// checkCreated holds a created link against what was asked for.
func (c *Client) checkCreated(made *creation) error {
	link, asked := &made.answer.PaymentLink, made.asked
	if err := c.checkLink(link); err != nil {
		return err
	}
	switch {
	case link.URL == "":
		return errors.New("no url")
	case link.CheckoutToken == "":
		return errors.New("no checkoutToken")
	case link.CheckoutToken != asked.CheckoutToken:
		return errors.New("another checkoutToken")
	case link.Currency != "" && link.Currency != asked.Currency:
		return errors.New("another currency")
	}
	return checkTotal(asked.Items, made.total, &made.answer)
}

// checkTotal compares what the answer says of the amount, as a total or item by
// item, with what was asked for.
func checkTotal(asked []Item, want decimal.Decimal, link *createdLink) error {
	if link.TotalAmount != "" {
		got, err := parseAmount(link.TotalAmount)
		switch {
		case err != nil:
			return errors.New("a totalAmount that is not a decimal")
		case !got.Equal(want):
			return errors.New("another totalAmount")
		}
	}
	if len(link.Items) > 0 && !sameTotals(asked, link.Items) {
		got, err := total(link.Items)
		switch {
		case err != nil:
			return errors.New("an item's totalAmount that is not a decimal")
		case !got.Equal(want):
			return errors.New("items of another amount")
		}
	}
	return nil
}

// sameTotals reports whether the items' totals are the same to the letter, as they
// mostly are.
func sameTotals(asked []Item, got []itemAmount) bool {
	return slices.EqualFunc(asked, got, func(a Item, b itemAmount) bool { return a.TotalAmount == b.TotalAmount })
}

func total(items []itemAmount) (sum decimal.Decimal, err error) {
	for _, item := range items {
		amount, err := parseAmount(item.TotalAmount)
		if err != nil {
			return sum, err
		}
		sum = sum.Add(amount)
	}
	return sum, nil
}

// checkLink refuses what no link may have, wherever it comes from.
func (c *Client) checkLink(link *PaymentLink) error {
	if err := checkWords(link.ID, link.CheckoutToken, link.Status, link.Currency); err != nil {
		return err
	}
	if link.ID == "" && link.URL == "" {
		return errors.New("neither id nor url")
	}
	return c.checkURL(link.URL)
}

func (c *Client) checkSession(token string, s *CheckoutSession) error {
	if err := checkWords(s.ID, s.CheckoutToken, s.PaymentLinkID, s.Status, s.Currency); err != nil {
		return err
	}
	switch {
	case s.ID == "" && s.URL == "":
		return errors.New("neither id nor url")
	case s.CheckoutToken != "" && s.CheckoutToken != token:
		return errors.New("another checkoutToken")
	}
	return c.checkURL(s.URL)
}

// checkWords bounds what goes on into stores, headers and logs.
func checkWords(words ...string) error {
	for _, w := range words {
		if len(w) > maxIDBytes || strings.ContainsFunc(w, unicode.IsControl) {
			return errors.New("an id, token or status that is too long or has control characters")
		}
	}
	return nil
}

// checkURL accepts no URL, or one that a payer can be sent to.
func (c *Client) checkURL(raw string) error {
	if raw == "" {
		return nil
	}
	// Marks that turn the direction of writing would show another address than they lead to.
	bad := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == utf8.RuneError }
	if len(raw) > maxURLBytes || strings.ContainsFunc(raw, bad) {
		return errors.New("a url that is too long or has control characters")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Hostname() == "", u.Scheme != "https" && u.Scheme != "http":
		return errors.New("a url that is not absolute http or https")
	case u.User != nil:
		return errors.New("a url with user information")
	case u.Scheme != "https" && c.base.Scheme == "https":
		return errors.New("a url that is not https")
	}
	return nil
}

// parseAmount bounds the exponent: decimals are added by writing all digits out.
func parseAmount(s string) (decimal.Decimal, error) {
	if len(s) > maxAmountBytes {
		return decimal.Decimal{}, errors.New("too long")
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.Decimal{}, err
	}
	if e := d.Exponent(); e > maxExponent || e < -maxExponent {
		return decimal.Decimal{}, errors.New("out of range")
	}
	return d, nil
}

// linkList is the answer to a list. Entries are read one by one, so that a
// broken one does not spoil the page.
type linkList struct {
	Pagination *struct {
		Next  int64 `json:"next"`
		Total int64 `json:"total"`
	} `json:"pagination"`
	Results []jsontext.Value `json:"results"`
}

func (c *Client) readPage(list *linkList, offset int) (*PaymentLinkPage, error) {
	if list.Results == nil {
		return nil, errors.New("no results")
	}
	page := &PaymentLinkPage{Links: make([]PaymentLink, 0, len(list.Results))}
	for _, raw := range list.Results {
		var link PaymentLink
		if unmarshal(raw, &link) != nil || c.checkLink(&link) != nil {
			page.Unreadable++
			continue
		}
		page.Links = append(page.Links, link)
	}
	if p := list.Pagination; p != nil {
		page.Total = int(max(p.Total, 0))
		page.Next = nextOffset(offset, len(list.Results), int(p.Next), page.Total)
	}
	return page, nil
}

// nextOffset makes sure that a walk goes forward and ends, whatever the last
// page says: null, 0, -1, or the place where nothing follows.
func nextOffset(offset, count, next, total int) int {
	switch {
	case count == 0:
		return 0
	case next > offset:
		return next
	case total > offset+count:
		return offset + count
	default:
		return 0
	}
}
