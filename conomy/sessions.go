package conomy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// CheckoutSessionRequest asks for a checkout session for one payer.
type CheckoutSessionRequest struct {
	Customer *Customer `json:"customer,omitempty"`
}

// LogValue shows nothing of the payer.
func (*CheckoutSessionRequest) LogValue() slog.Value { return slog.StringValue(redacted) }

// CheckoutSession is one payer's short-lived context of a payment link. The
// documented answer may hold no more than ID, CheckoutToken, Status and
// ExpiresAt: where URL is empty, the link's own URL serves.
type CheckoutSession struct {
	ID            string `json:"id"`
	CheckoutToken string `json:"checkoutToken"`
	PaymentLinkID string `json:"paymentLinkId"`
	Status        string `json:"status"`
	URL           string `json:"url"`
	Currency      string `json:"currency"`
	TotalAmount   string `json:"totalAmount"`
	// CreatedAt and ExpiresAt are zero when absent or unreadable.
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// CreateCheckoutSession makes a fresh session from the payment link with this
// checkoutToken. The provider has no idempotency for sessions: a second call
// makes a second one.
//
// See https://docs.conomyhq.com (recipe "Create a checkout session").
func (c *Client) CreateCheckoutSession(ctx context.Context, checkoutToken string, req *CheckoutSessionRequest) (*CheckoutSession, error) {
	if checkoutToken == "" {
		return nil, errors.New("conomy: create_checkout_session: empty checkoutToken")
	}
	if req == nil {
		req = new(CheckoutSessionRequest)
	}
	session := new(CheckoutSession)
	err := c.do(ctx, &exchange{
		endpoint: EndpointCreateCheckoutSession, method: http.MethodPost,
		path: []string{"payment-links", "token", checkoutToken, "checkout-sessions"},
		in:   req, out: session,
		check: func() error { return c.checkSession(checkoutToken, session) },
		mask:  req.Customer,
	})
	if err != nil {
		return nil, err
	}
	return session, nil
}
