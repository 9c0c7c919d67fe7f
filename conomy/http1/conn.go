package http1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"time"
)

var errLongHeader = errors.New("http1: the answer's header is too long")

// conn is one connection. It belongs to the call that has it, or to the pool.
type conn struct {
	net.Conn          // what is spoken through
	raw      net.Conn // the socket below it
	pool     *pool
	reader   *bufio.Reader
	writer   *bufio.Writer
	probe    *probe
	kept     time.Time // since when the pool has it
	sent     int       // bytes of the request under way that have left
	cut      bool      // a read or a write has failed
	allowed  int64     // bytes that may still be read
}

func newConn(spoken, raw net.Conn, p *pool) *conn {
	c := &conn{Conn: spoken, raw: raw, pool: p, probe: newProbe(raw)}
	c.reader, c.writer = bufio.NewReader(c), bufio.NewWriter(c)
	return c
}

// Read is what an answer is read by.
func (c *conn) Read(p []byte) (int, error) {
	if c.allowed <= 0 {
		return 0, errLongHeader
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.allowed)])
	c.allowed -= int64(n)
	c.cut = c.cut || err != nil
	return n, inWords(err)
}

// Write is what a request is written by.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent += n
	c.cut = c.cut || err != nil
	return n, inWords(err)
}

// waits reports whether nothing has come since the last answer: no close, and no
// answer that nobody asked for, which would be taken for the next one's. The
// connection has the next call's deadline then: with one that is over, the socket
// could not be asked.
func (c *conn) waits(deadline time.Time) bool {
	if c.Conn != c.raw {
		// TLS may have read more than it was asked for. With a deadline that is
		// over it gives what it has, and neither looks for more nor answers it.
		var octet [1]byte
		if c.SetDeadline(longAgo) != nil {
			return false
		}
		if _, err := c.Conn.Read(octet[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
	}
	return c.SetDeadline(deadline) == nil && c.probe.quiet()
}

// inWords says of a call's deadline what a context says of its own.
func inWords(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// longAgo ends what waits on a connection.
var longAgo = time.Unix(1, 0)

// exchange writes a request and reads the head of its answer, whose body has the
// connection then. After an error the connection is closed.
func (c *conn) exchange(req *http.Request, maxHeader int64) (*http.Response, error) {
	c.sent, c.allowed = 0, maxHeader
	release := context.AfterFunc(req.Context(), func() { _ = c.SetDeadline(longAgo) })
	resp, err := c.ask(req)
	if err != nil {
		release()
		_ = c.raw.Close()
		return nil, err
	}
	c.allowed = math.MaxInt64
	resp.Body = &body{
		Reader: resp.Body, ctx: req.Context(), conn: c, release: release,
		ended: resp.Body == http.NoBody,
		last:  resp.Close || req.Close || resp.StatusCode < 200,
	}
	return resp, nil
}

func (c *conn) ask(req *http.Request) (*http.Response, error) {
	unwritten := req.Write(c.writer)
	if unwritten == nil {
		unwritten = c.writer.Flush()
	}
	if unwritten == nil {
		return c.answer(req)
	}
	// A server may refuse a request and close before it has read all of it.
	if c.cut && c.sent > 0 {
		if resp, err := c.answer(req); err == nil {
			return resp, nil
		}
	}
	return nil, unwritten
}

// answer passes over interim answers.
func (c *conn) answer(req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(c.reader, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode < 100 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
}

// body is an answer's. It gives its connection back when it is closed.
type body struct {
	io.Reader
	ctx     context.Context
	conn    *conn
	release func() bool // ends the watch over ctx; reports whether it has not acted
	ended   bool        // all of it was read
	last    bool        // the connection takes no other call
}

var errClosed = errors.New("http1: read on a closed body")

func (b *body) Read(p []byte) (int, error) {
	if b.conn == nil {
		return 0, errClosed
	}
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		b.ended = true
	} else if err != nil {
		err = because(b.ctx, err)
	}
	return n, err
}

// Close does not read what is left of a body, which may have no end.
func (b *body) Close() error {
	c := b.conn
	if c == nil {
		return nil
	}
	b.conn = nil
	if quiet := b.release(); !quiet || !b.ended || b.last || c.cut || c.reader.Buffered() > 0 {
		return c.raw.Close()
	}
	c.pool.put(c)
	return nil
}
