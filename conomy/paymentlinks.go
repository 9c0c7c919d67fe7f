package conomy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"
)

// PaymentLinkRequest asks for a payment link. CheckoutToken, Currency, Items,
// PaymentMethodsAllowed, Destinations, Duration and Owner are required by the
// provider.
type PaymentLinkRequest struct {
	// CheckoutToken is the caller's own reference, unique at the provider.
	CheckoutToken string `json:"checkoutToken"`
	// Currency is an ISO 4217 code, or USDC or USDT.
	Currency              string        `json:"currency"`
	Items                 []Item        `json:"items"`
	PaymentMethodsAllowed []string      `json:"paymentMethodsAllowed"`
	Destinations          []Destination `json:"destinations"`
	// Duration is the link's life in seconds, 30 or more.
	Duration             int64     `json:"duration"`
	Owner                Owner     `json:"owner"`
	Customer             *Customer `json:"customer,omitempty"`
	CustomerRequirements []string  `json:"customerRequirements,omitempty"`
	SuccessURL           string    `json:"successUrl,omitempty"`
	FailedURL            string    `json:"failedUrl,omitempty"`
}

// LogValue shows the token and the currency only.
func (r *PaymentLinkRequest) LogValue() slog.Value {
	return slog.GroupValue(slog.String("checkoutToken", r.CheckoutToken), slog.String("currency", r.Currency))
}

// PaymentLink is a payment link as the provider tells of it. An answer may hold
// no more than ID, CheckoutToken, Status and URL. The payer is not read.
type PaymentLink struct {
	ID            string `json:"id"`
	CheckoutToken string `json:"checkoutToken"`
	// Status is ATTEMPT, ACTIVE, EXPIRED, FINISHED, PROCESSING_PAYMENT or
	// something newer.
	Status string `json:"status"`
	// URL is the hosted page. A created link always has one.
	URL                   string        `json:"url"`
	Currency              string        `json:"currency"`
	PreTaxAmount          string        `json:"preTaxAmount"`
	TotalAmount           string        `json:"totalAmount"`
	Items                 []Item        `json:"items"`
	PaymentMethodsAllowed []string      `json:"paymentMethodsAllowed"`
	Destinations          []Destination `json:"destinations"`
	Owner                 *Owner        `json:"owner"`
	// CreatedAt is zero when absent or unreadable. (The OpenAPI document calls
	// it the time when the link expires; it is when it was made.)
	CreatedAt time.Time `json:"createdAt"`
	// Duration is the link's life in seconds, 0 when absent.
	Duration   int64  `json:"duration"`
	SuccessURL string `json:"successUrl"`
	FailedURL  string `json:"failedUrl"`
}

// PaymentLinkFilter narrows a list of payment links. Values within a field are
// alternatives; a value with a comma in it counts as two. There is no filter on
// the checkoutToken.
type PaymentLinkFilter struct {
	IDs              []string
	Statuses         []string
	AccountNumbers   []string
	CustomerEmails   []string
	OwnerIdentityIDs []string
	// Limit is the page size, at most 50; 0: the provider's choice.
	Limit int
	// Offset is how many links to skip.
	Offset int
}

// PaymentLinkPage is one page of a list.
type PaymentLinkPage struct {
	Links []PaymentLink
	// Unreadable counts entries that made no sense and are not in Links: one
	// broken link must not hide the others.
	Unreadable int
	// Total is the number of links on all pages, 0 when not said.
	Total int
	// Next is the Offset of the next page, 0 when this is the last one.
	Next int
}

// HasNext reports whether there is another page.
func (p *PaymentLinkPage) HasNext() bool { return p.Next > 0 }

// NextOffset returns the Offset of the next page, 0 when this is the last one.
func (p *PaymentLinkPage) NextOffset() int { return p.Next }

// CreatePaymentLink makes a payment link. The answer is checked: a link without
// a usable URL, of another token, amount or currency is a [KindNonsense] Error.
// A token that is in use already gives a 409 with [CodeAlreadyExist].
//
// What else it repeats of the request (items, payment methods, destinations,
// owner, successUrl, failedUrl) is not in the link, and may be anything.
//
// See https://docs.conomyhq.com (recipe "Create a payment link").
func (c *Client) CreatePaymentLink(ctx context.Context, req *PaymentLinkRequest) (*PaymentLink, error) {
	want, err := askedTotal(req)
	if err != nil {
		return nil, err
	}
	made := &creation{asked: req, total: want}
	err = c.do(ctx, &exchange{
		endpoint: EndpointCreatePaymentLink, method: http.MethodPost,
		url: c.links, in: req, out: &made.answer,
		check: func() error { return c.checkCreated(made) },
		mask:  req.Customer,
	})
	if err != nil {
		return nil, err
	}
	return &made.answer.PaymentLink, nil
}

// creation is a create under way.
type creation struct {
	asked  *PaymentLinkRequest
	total  decimal.Decimal // of what is asked
	answer createdLink
}

// createdLink is the answer to a create. It shadows what repeats the request,
// beyond what is compared with it: to read that, too, would cost half as much
// again.
type createdLink struct {
	PaymentLink
	Items                 []itemAmount `json:"items"`
	PaymentMethodsAllowed unread       `json:"paymentMethodsAllowed"`
	Destinations          unread       `json:"destinations"`
	Owner                 unread       `json:"owner"`
	SuccessURL            unread       `json:"successUrl"`
	FailedURL             unread       `json:"failedUrl"`
}

// itemAmount is what an item comes to.
type itemAmount struct {
	TotalAmount string `json:"totalAmount"`
}

// unread is a value of an answer that nobody needs.
type unread struct{}

// UnmarshalJSONFrom passes over it, whatever it is.
func (*unread) UnmarshalJSONFrom(dec *jsontext.Decoder) error { return dec.SkipValue() }

// GetPaymentLink reads one payment link by the provider's id of it.
//
// See https://docs.conomyhq.com (API reference, Get payment link).
func (c *Client) GetPaymentLink(ctx context.Context, id string) (*PaymentLink, error) {
	if id == "" {
		return nil, errors.New("conomy: get_payment_link: empty id")
	}
	link := new(PaymentLink)
	err := c.do(ctx, &exchange{
		endpoint: EndpointGetPaymentLink, method: http.MethodGet,
		path: []string{"payment-links", id}, out: link,
		check: func() error { return c.checkLink(link) },
	})
	if err != nil {
		return nil, err
	}
	return link, nil
}

// ListPaymentLinks reads one page of the merchant's payment links. To walk all
// of them set the filter's Offset to the page's Next while it has one.
//
// See https://docs.conomyhq.com (API reference, Get payment links).
func (c *Client) ListPaymentLinks(ctx context.Context, filter PaymentLinkFilter) (*PaymentLinkPage, error) {
	var answer linkList
	var page *PaymentLinkPage
	err := c.do(ctx, &exchange{
		endpoint: EndpointListPaymentLinks, method: http.MethodGet,
		path: []string{"payment-links"}, query: filter.query(), out: &answer,
		check: func() (err error) { page, err = c.readPage(&answer, filter.Offset); return err },
		mask:  emails(filter.CustomerEmails),
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

func (f PaymentLinkFilter) query() url.Values {
	q := url.Values{}
	for name, values := range map[string][]string{
		"id": f.IDs, "status": f.Statuses, "destination.accountNumber": f.AccountNumbers,
		"customer.email": f.CustomerEmails, "owner.identityId": f.OwnerIdentityIDs,
	} {
		if len(values) > 0 {
			q.Set(name, strings.Join(values, ","))
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	if f.Offset > 0 {
		q.Set("offset", strconv.Itoa(f.Offset))
	}
	return q
}

// emails are all that is known of some payers.
type emails []string

func (e emails) values() []string { return e }
