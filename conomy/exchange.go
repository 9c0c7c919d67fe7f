package conomy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/go-json-experiment/json"
)

// maxAnswerBytes bounds an answer, after decompression.
const maxAnswerBytes = 1 << 20

// exchange is one call, independent of the token it is made with.
type exchange struct {
	endpoint, method string
	path             []string // segments below the base URL, not escaped
	query            url.Values
	in, out          any          // request body, nil for none; where the answer is read into
	check            func() error // judges out; may refer to it
	mask             []string     // payers' values that no error text may show
}

// do makes the call, and makes it again after a 401 if a fresh token can be had.
func (c *Client) do(ctx context.Context, x *exchange) error {
	var body []byte
	if x.in != nil {
		var err error
		if body, err = json.Marshal(x.in); err != nil {
			// The text of err may quote a payer's value.
			return fmt.Errorf("conomy: %s: the request cannot be written as JSON", x.endpoint)
		}
	}
	for try := 1; ; try++ {
		grant, err := c.tokens.get(ctx)
		if err != nil {
			return err
		}
		fault := c.once(ctx, x, body, grant)
		if fault == nil {
			return nil
		}
		if fault.Kind != KindStatus || fault.Status != http.StatusUnauthorized {
			return fault
		}
		c.tokens.invalidate(grant)
		if try == 2 || grant.readyMade {
			return fault.unauthorized()
		}
	}
}

// once makes one HTTP exchange and tells the observer of it.
func (c *Client) once(ctx context.Context, x *exchange, body []byte, grant grant) *Error {
	start := c.now()
	m := &masker{grant: grant, personal: x.mask}
	status, fault := c.roundTrip(ctx, x, body, grant, m)
	if c.observe != nil {
		call := Call{Endpoint: x.endpoint, Status: status, Duration: c.now().Sub(start)}
		if fault != nil {
			call.Err = fault
		}
		c.observe(call)
	}
	return fault
}

func (c *Client) roundTrip(ctx context.Context, x *exchange, body []byte, grant grant, m *masker) (int, *Error) {
	if err := ctx.Err(); err != nil {
		return 0, transportError(ctx, x.endpoint, 0, false, err, m)
	}
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var track sending
	req := c.request(httptrace.WithClientTrace(bounded, track.trace()), x, body, grant)
	// The transport is used without an http.Client around it: no redirect is
	// followed, no cookie kept, and no error text shows the URL.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return 0, transportError(ctx, x.endpoint, 0, track.begun(err), err, m)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := readBounded(resp.Body)
	if ctx.Err() != nil && err != nil {
		return resp.StatusCode, transportError(ctx, x.endpoint, resp.StatusCode, true, err, m)
	}
	return resp.StatusCode, c.judge(ctx, x, resp, answer, err, m)
}

// judge is the only place that says what a status means.
func (c *Client) judge(ctx context.Context, x *exchange, resp *http.Response, answer []byte, readErr error, m *masker) *Error {
	status := resp.StatusCode
	switch {
	case status >= 200 && status <= 299:
		if errors.Is(readErr, errTooLarge) {
			return nonsense(x.endpoint, status, readErr.Error())
		}
		if readErr != nil {
			return transportError(ctx, x.endpoint, status, true, readErr, m)
		}
		if err := unmarshal(answer, x.out); err != nil {
			return nonsense(x.endpoint, status, "not the JSON that was expected")
		}
		if err := x.check(); err != nil {
			return nonsense(x.endpoint, status, err.Error())
		}
		return nil
	case status >= 300 && status <= 399:
		return nonsense(x.endpoint, status, "a redirect, not followed")
	default:
		// A status stands even where the rest of its answer was cut off.
		if readErr != nil {
			answer = nil
		}
		return statusError(x.endpoint, resp, answer, c.now(), m)
	}
}

func (c *Client) request(ctx context.Context, x *exchange, body []byte, grant grant) *http.Request {
	req := (&http.Request{Method: x.method, URL: c.url(x), Header: http.Header{
		"X-Api-Key":            {grant.creds.APIKey},
		"Conomyhq-Api-Version": {apiVersion},
		"User-Agent":           {c.userAgent},
		"Accept":               {"application/json"},
		"Content-Type":         {"application/json"}, // asked for on every request, with a body or without
	}}).WithContext(ctx)
	if grant.token != "" {
		req.Header["Authorization"] = []string{"Bearer " + grant.token}
	}
	if body != nil {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req
}

// url gives both the path and its escaped form, so that net/http sends the
// escaping as it stands here.
func (c *Client) url(x *exchange) *url.URL {
	u := *c.base
	raw := c.base.EscapedPath()
	for _, segment := range x.path {
		u.Path += "/" + segment
		raw += "/" + escapeSegment(segment)
	}
	u.RawPath = raw
	u.RawQuery = x.query.Encode()
	return &u
}

var errTooLarge = errors.New("longer than 1 MiB")

// readBounded reads to the end, which keeps the connection for the next call;
// one with more to come than the bound is given up.
func readBounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxAnswerBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxAnswerBytes {
		return nil, errTooLarge
	}
	return b, nil
}

// sending notes how far a request got. That a connection was had counts as
// sent: what became of bytes in a connection's buffer no one can tell.
type sending struct{ wanted, had atomic.Bool }

func (s *sending) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { s.wanted.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.had.Store(true) },
	}
}

// begun reports whether the request may have left. A transport of the caller's
// that knows no trace is believed only where it failed to dial.
func (s *sending) begun(err error) bool {
	return s.had.Load() || !s.wanted.Load() && !isDialError(err)
}
