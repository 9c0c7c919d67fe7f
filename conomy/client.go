package conomy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linkworker/linkworker/conomy/http1"
)

// DefaultTimeout bounds one HTTP exchange, the answer's body included.
const DefaultTimeout = 15 * time.Second

// apiVersion is the version of the provider's API that this package speaks.
const apiVersion = "24-04-2025"

// Endpoint names, as they stand in [Call] and [Error].
const (
	EndpointAuth                  = "auth"
	EndpointCreatePaymentLink     = "create_payment_link"
	EndpointGetPaymentLink        = "get_payment_link"
	EndpointListPaymentLinks      = "list_payment_links"
	EndpointCreateCheckoutSession = "create_checkout_session"
)

// Config says where the provider is and how it is spoken to.
type Config struct {
	// BaseURL is https://api.conomyhq.com/sandbox or the like: https, or plain
	// http to a loopback address.
	BaseURL     string
	Credentials Credentials
	// UserAgent names the application, Name/Version. The provider demands it.
	UserAgent string
	// Timeout bounds one HTTP exchange, reading the answer included.
	// Zero: DefaultTimeout. A call may need a second exchange for its token.
	Timeout time.Duration
	// AllowHTTP permits plain http to a host that is not loopback.
	AllowHTTP bool
	// MaxConns is how many idle connections are kept: as many as there are calls
	// at once. Zero: 64. Not used with a Transport of the caller's.
	MaxConns int
	// TLS says which authorities to trust and which certificate to show. Nil: the
	// system's, and none. Not used with a Transport of the caller's.
	TLS *tls.Config
	// Explain, if set, may return an error that says more of why a connection
	// failed: it is told in place of the one that is passed, and should wrap it.
	Explain func(error) error
	// Transport replaces the client's own ([http1.Transport]), which speaks
	// HTTP/1.1, verifies TLS 1.2 or newer and takes no proxy from the environment:
	// credentials would go where a variable says.
	Transport http.RoundTripper
	// Observe, if set, is called after each HTTP exchange, from the goroutine
	// that made it.
	Observe func(Call)
	// Now, if set, replaces time.Now.
	Now func() time.Time
}

// Call describes one HTTP exchange to an observer.
type Call struct {
	// Endpoint is one of the Endpoint constants.
	Endpoint string
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	// Duration runs from the request to the end of the answer's body.
	Duration time.Duration
	// Err is nil when the answer made sense, else an *Error.
	Err error
}

// Client speaks to the provider. It is made by [New], is safe for concurrent
// use and should be shared.
type Client struct {
	base      *url.URL
	links     *url.URL // where links are made
	userAgent string
	timeout   time.Duration
	transport http.RoundTripper
	own       bool // the transport is of package http1
	explain   func(error) error
	observe   func(Call)
	now       func() time.Time
	tokens    *tokens
	headers   atomic.Pointer[headers] // of the last request
}

// New makes a Client. It makes no call; its error names every fault of the
// configuration and no secret.
func New(cfg Config) (*Client, error) {
	base, err := parseBaseURL(cfg.BaseURL, cfg.AllowHTTP)
	errs := []error{err, cfg.Credentials.Validate()}
	if cfg.UserAgent == "" || !headerSafe(cfg.UserAgent) {
		errs = append(errs, errors.New("UserAgent is missing or not printable ASCII"))
	}
	if cfg.Timeout < 0 {
		errs = append(errs, errors.New("a negative Timeout"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("conomy: %w", err)
	}
	c := &Client{
		base: base, userAgent: cfg.UserAgent, timeout: cfg.Timeout,
		transport: cfg.Transport, explain: cfg.Explain, observe: cfg.Observe, now: cfg.Now,
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.transport == nil {
		c.own = true
		if c.transport, err = http1.New(base, http1.Options{TLS: cfg.TLS, MaxIdle: cfg.MaxConns, Timeout: c.timeout}); err != nil {
			return nil, fmt.Errorf("conomy: BaseURL: %w", err)
		}
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.links = c.url(&exchange{path: []string{"payment-links"}})
	c.tokens = newTokens(c.fetchToken, cfg.Credentials, c.now)
	return c, nil
}

// SetCredentials replaces the credentials and drops the cached access token.
// Calls under way end with the old ones.
func (c *Client) SetCredentials(creds Credentials) { c.tokens.set(creds) }

// Authenticate makes sure that there is an access token, asking for a fresh one
// where none is cached. With a ready-made token it makes no call.
//
// See https://docs.conomyhq.com (Authentication).
func (c *Client) Authenticate(ctx context.Context) error {
	_, err := c.tokens.get(ctx)
	return err
}

// Close ends a token refresh that runs in the background and closes idle
// connections. Calls after Close still work.
func (c *Client) Close() {
	c.tokens.close()
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Format prints the base URL alone: the fields hold credentials.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "conomy.Client("+c.base.Redacted()+")")
}

// parseBaseURL keeps url.Parse's error to itself, which would show the URL and
// a password in it.
func parseBaseURL(raw string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return nil, errors.New("BaseURL is not an absolute URL")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("BaseURL has user information, a query or a fragment")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, errors.New("BaseURL is neither https nor http")
	case !allowHTTP && !isLoopback(u.Hostname()):
		return nil, errors.New("BaseURL is plain http to a host that is not loopback")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
