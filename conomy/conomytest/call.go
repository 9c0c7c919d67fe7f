package conomytest

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

// Endpoint names, for [Match] and [Request]. Those that package conomy calls
// have its names.
const (
	EndpointAuth                  = "auth"
	EndpointCreatePaymentLink     = "create_payment_link"
	EndpointGetPaymentLink        = "get_payment_link"
	EndpointListPaymentLinks      = "list_payment_links"
	EndpointDeletePaymentLink     = "delete_payment_link"
	EndpointActivatePaymentLink   = "activate_payment_link"
	EndpointCreateCheckoutSession = "create_checkout_session"

	endpointOther = "other"
)

var endpoints = []string{
	EndpointAuth, EndpointCreatePaymentLink, EndpointGetPaymentLink, EndpointListPaymentLinks,
	EndpointDeletePaymentLink, EndpointActivatePaymentLink, EndpointCreateCheckoutSession,
}

const maxRequestBytes = 1 << 20

// call is one request, read.
type call struct {
	r        *http.Request
	endpoint string   // "" when it is not the API's
	segments []string // the path from the API's first segment on, unescaped
	token    string   // checkoutToken of the path or the body
	id       string   // of the path
	body     map[string]any
	bodyErr  error
}

// parse finds out what is asked for, by the escaped path: a token may have
// slashes in it.
func (s *Server) parse(r *http.Request) *call {
	c := &call{r: r}
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for i, raw := range segments {
		segment, err := url.PathUnescape(raw)
		if err != nil {
			return c
		}
		segments[i] = segment
	}
	for i, segment := range segments {
		switch segment {
		case "auth", "payment-links", "checkout-sessions", "_sandbox":
			c.segments = segments[i:]
			c.route()
			c.readBody()
			return c
		}
	}
	return c
}

func (c *call) route() {
	seg := c.segments
	switch {
	case seg[0] == "_sandbox":
	case c.is(http.MethodPost, "auth"):
		c.endpoint = EndpointAuth
	case c.is(http.MethodPost, "payment-links"):
		c.endpoint = EndpointCreatePaymentLink
	case c.is(http.MethodGet, "payment-links"):
		c.endpoint = EndpointListPaymentLinks
	case c.is(http.MethodPost, "payment-links", "token", "", "checkout-sessions"):
		c.endpoint, c.token = EndpointCreateCheckoutSession, seg[2]
	case c.is(http.MethodPost, "payment-links", "", "activate"):
		c.endpoint, c.id = EndpointActivatePaymentLink, seg[1]
	case c.is(http.MethodGet, "payment-links", ""):
		c.endpoint, c.id = EndpointGetPaymentLink, seg[1]
	case c.is(http.MethodDelete, "payment-links", ""):
		c.endpoint, c.id = EndpointDeletePaymentLink, seg[1]
	case seg[0] == "checkout-sessions":
		c.endpoint = endpointOther
	}
}

// is matches method and path; "" stands for any segment that is not empty.
func (c *call) is(method string, pattern ...string) bool {
	if c.r.Method != method || len(c.segments) != len(pattern) {
		return false
	}
	for i, p := range pattern {
		if c.segments[i] == "" || p != "" && p != c.segments[i] {
			return false
		}
	}
	return true
}

func (c *call) readBody() {
	if c.r.Method != http.MethodPost || c.endpoint == "" {
		return
	}
	data, err := io.ReadAll(io.LimitReader(c.r.Body, maxRequestBytes))
	if err == nil && (len(data) > 0 || c.endpoint != EndpointActivatePaymentLink) {
		err = json.Unmarshal(data, &c.body)
	}
	c.bodyErr = err
	if token, ok := c.body["checkoutToken"].(string); ok && c.endpoint == EndpointCreatePaymentLink {
		c.token = token
	}
}
