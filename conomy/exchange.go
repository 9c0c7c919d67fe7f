package conomy

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-faster/jx"

	"github.com/linkworker/linkworker/conomy/http1"
)

// maxAnswerBytes bounds an answer, after decompression.
const maxAnswerBytes = 1 << 20

// exchange is one call, independent of the token it is made with.
type exchange struct {
	endpoint, method string
	url              *url.URL // nil: made of path and query
	path             []string // segments below the base URL, not escaped
	query            url.Values
	in               encoder      // the request's body, nil for none
	out              any          // where the answer is read into
	check            func() error // judges out; may refer to it
	mask             payer        // whose values no error text may show; nil for nobody's
}

// do makes the call, and makes it again after a 401 if a fresh token can be had.
func (c *Client) do(ctx context.Context, x *exchange) error {
	var body []byte
	if x.in != nil {
		e := jx.GetEncoder()
		if c.own { // a transport of the caller's may still read when it has answered
			defer jx.PutEncoder(e)
		}
		var err error
		if body, err = encodeRequest(e, x.in); err != nil {
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
	var track *sending
	bounded := ctx
	if !c.own {
		track = new(sending)
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(httptrace.WithClientTrace(ctx, track.trace()), c.timeout)
		defer cancel()
	}
	req := c.request(bounded, x, body, grant)
	// The transport is used without an http.Client around it: no redirect is
	// followed, no cookie kept, and no error text shows the URL.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		sent := begun(track, err)
		if c.explain != nil {
			err = c.explain(err)
		}
		return 0, transportError(ctx, x.endpoint, 0, sent, err, m)
	}
	defer func() { _ = resp.Body.Close() }()
	buffer := answers.Get().(*bytes.Buffer)
	defer answers.Put(buffer)
	answer, err := readBounded(buffer, resp)
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

var errTooLarge = errors.New("longer than 1 MiB")

// answers are what answers are read into: nothing that is made of an answer keeps
// a part of its bytes.
var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readBounded reads to the end, which keeps the connection for the next call;
// one with more to come than the bound is given up. What it returns is good as
// long as the buffer is.
func readBounded(buffer *bytes.Buffer, resp *http.Response) ([]byte, error) {
	var plain io.Reader = resp.Body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		unzip, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, err
		}
		plain = unzip
	}
	buffer.Reset()
	if _, err := buffer.ReadFrom(io.LimitReader(plain, maxAnswerBytes+1)); err != nil {
		return nil, err
	}
	if buffer.Len() > maxAnswerBytes {
		return nil, errTooLarge
	}
	return buffer.Bytes(), nil
}

// sending notes how far a request got with a transport of the caller's. That a
// connection was had counts as sent: what became of bytes in a connection's
// buffer no one can tell.
type sending struct{ wanted, had atomic.Bool }

func (s *sending) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { s.wanted.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.had.Store(true) },
	}
}

// begun reports whether the request may have left. The client's own transport
// says so itself, and has no trace; one of the caller's that knows no trace is
// believed only where it failed to dial.
func begun(s *sending, err error) bool {
	var unsent *http1.UnsentError
	if errors.As(err, &unsent) {
		return false
	}
	return s == nil || s.had.Load() || !s.wanted.Load() && !isDialError(err)
}

// isDialError reports whether there was no connection at all.
func isDialError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
