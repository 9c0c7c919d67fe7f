package http1

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Options of a [Transport]. Each has a default.
type Options struct {
	// TLS is used where the server's scheme is https. Nil: the system's
	// authorities and no certificate. TLS 1.2 is the least.
	TLS *tls.Config
	// MaxIdle is how many connections are kept. Zero or less: 64.
	MaxIdle int
	// IdleTimeout is how long one is kept. Zero: 50 seconds, which is below the
	// minute after which common load balancers close.
	IdleTimeout time.Duration
	// Timeout bounds one call, connecting and the answer's body included, beside
	// the request's context. Zero: the context alone does.
	Timeout time.Duration
	// ConnectTimeout bounds the connecting and, by itself, the TLS handshake.
	// Zero: 10 seconds.
	ConnectTimeout time.Duration
	// MaxHeaderBytes bounds the header of an answer, together with those of the
	// interim answers (1xx) before it. Zero: 256 KiB.
	MaxHeaderBytes int64
}

// Transport speaks to one server. It is made by [New] and is safe for concurrent
// use.
type Transport struct {
	scheme, host string // as they stand in requests
	address      string
	dialer       net.Dialer
	secured      *tls.Config // nil for plain http
	connecting   time.Duration
	timeout      time.Duration
	maxHeader    int64
	idle         pool
}

// UnsentError is an error of a request of which no byte has left.
type UnsentError struct{ Err error }

func (e *UnsentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnsentError) Unwrap() error { return e.Err }

// New makes a Transport to the server at base, whose path does not matter. It
// makes no connection yet.
func New(base *url.URL, o Options) (*Transport, error) {
	if o.MaxIdle <= 0 {
		o.MaxIdle = 64
	}
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 50*time.Second)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 10*time.Second)
	t := &Transport{
		scheme: base.Scheme, host: base.Host,
		dialer:     net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second},
		connecting: o.ConnectTimeout, timeout: o.Timeout, maxHeader: cmp.Or(o.MaxHeaderBytes, 256<<10),
		idle: pool{most: o.MaxIdle, timeout: o.IdleTimeout},
	}
	if strings.ContainsFunc(base.Host, func(r rune) bool { return r > unicode.MaxASCII }) {
		return nil, errors.New("http1: the server's name is not ASCII; write it as it stands in DNS, xn--…")
	}
	if base.Hostname() == "" {
		return nil, errors.New("http1: the server has no name")
	}
	port := "80"
	switch base.Scheme {
	case "http":
	case "https":
		port = "443"
		t.secured = secured(o.TLS, base.Hostname())
	default:
		return nil, fmt.Errorf("http1: the scheme %q is neither http nor https", base.Scheme)
	}
	if base.Port() != "" {
		port = base.Port()
	}
	t.address = net.JoinHostPort(base.Hostname(), port)
	return t, nil
}

func secured(given *tls.Config, host string) *tls.Config {
	config := given.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.NextProtos = []string{"http/1.1"}
	if config.ServerName == "" {
		config.ServerName = host
	}
	return config
}

// RoundTrip makes one call. The answer's body must be closed; read to its end
// before that, it leaves its connection for the next call.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c, err := t.connection(req)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &UnsentError{because(req.Context(), err)}
	}
	resp, err := c.exchange(req, t.maxHeader)
	if err == nil {
		return resp, nil
	}
	err = because(req.Context(), err)
	if c.sent == 0 {
		return nil, &UnsentError{err}
	}
	return nil, err
}

// CloseIdleConnections closes what is kept at this moment.
func (t *Transport) CloseIdleConnections() { t.idle.clear() }

// connection returns one whose deadline is the call's.
func (t *Transport) connection(req *http.Request) (*conn, error) {
	if req.URL.Scheme != t.scheme || req.URL.Host != t.host {
		return nil, errors.New("http1: the request is for another server")
	}
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var deadline time.Time
	if t.timeout > 0 {
		deadline = time.Now().Add(t.timeout)
	}
	if c := t.idle.take(deadline); c != nil {
		return c, nil
	}
	if t.timeout > 0 {
		bounded, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		ctx = bounded
	}
	c, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(deadline)
}

func (t *Transport) dial(ctx context.Context) (*conn, error) {
	raw, err := t.dialer.DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	if t.secured == nil {
		return newConn(raw, raw, &t.idle), nil
	}
	shaking, cancel := context.WithTimeout(ctx, t.connecting)
	defer cancel()
	client := tls.Client(raw, t.secured)
	if err := client.HandshakeContext(shaking); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return newConn(client, raw, &t.idle), nil
}

// because returns the end of the caller's context where that is what an error
// comes from: a connection knows of its deadline only.
func because(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return err
}
