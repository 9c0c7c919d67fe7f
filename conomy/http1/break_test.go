package http1_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/http1"
)

func wantUnsent(t *testing.T, err error, unsent bool) {
	t.Helper()
	var e *http1.UnsentError
	if err == nil || errors.As(err, &e) != unsent {
		t.Errorf("got %v; want one that says unsent: %v", err, unsent)
	}
}

// closing tells when a request's body is closed.
type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

// TestUnsent: the errors that say that nothing has left.
func TestUnsent(t *testing.T) {
	refused := serve(t, answering(""))
	_ = refused.Close()
	silent := serve(t, func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) })
	https := func(o http1.Options) *http1.Transport { tr, _ := secure(t, silent, o); return tr }
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for name, tt := range map[string]struct {
		tr     *http1.Transport
		ctx    context.Context
		url    string
		target error // nil: any
	}{
		"refused":            {transport(t, refused, http1.Options{}), t.Context(), "http://" + refused.Addr().String(), nil},
		"given up before":    {transport(t, silent, http1.Options{}), over, "http://" + silent.Addr().String(), context.Canceled},
		"another server":     {transport(t, silent, http1.Options{}), t.Context(), "http://" + refused.Addr().String(), nil},
		"another scheme":     {transport(t, silent, http1.Options{}), t.Context(), "https://" + silent.Addr().String(), nil},
		"no handshake":       {https(http1.Options{ConnectTimeout: 50 * time.Millisecond}), t.Context(), "https://" + silent.Addr().String(), context.DeadlineExceeded},
		"no time":            {https(http1.Options{Timeout: 50 * time.Millisecond}), t.Context(), "https://" + silent.Addr().String(), context.DeadlineExceeded},
		"given up meanwhile": {https(http1.Options{}), nil, "https://" + silent.Addr().String(), context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.ctx == nil {
				var cancel context.CancelFunc
				tt.ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
			}
			body := &closing{Reader: strings.NewReader("x")}
			req, err := http.NewRequestWithContext(tt.ctx, http.MethodPost, tt.url, body)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, _, err = call(tt.tr, req)
			wantUnsent(t, err, true)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if tt.target != nil && !errors.Is(err, tt.target) {
				t.Errorf("got %v", err)
			}
			if body.closed == 0 {
				t.Error("the request's body is left open")
			}
		})
	}
	silent.wantConnections(t, 3, 0)
}

// TestGivenUpBeforeAKeptConnection: it carries nothing, and is kept.
func TestGivenUpBeforeAKeptConnection(t *testing.T) {
	var requests atomic.Int32
	s := serve(t, func(conn net.Conn, r *bufio.Reader) {
		for heard(r) {
			requests.Add(1)
			_, _ = io.WriteString(conn, hi)
		}
	})
	tr := transport(t, s, http1.Options{})
	wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := call(tr, post(over, t, s, "x"))
	wantUnsent(t, err, true)
	wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests", n)
	}
	s.wantConnections(t, 1, 1)
}

// TestNoAnswer: the server got the request, or part of it, and says nothing.
func TestNoAnswer(t *testing.T) {
	for name, talk := range map[string]func(net.Conn, *bufio.Reader){
		"cut at once":               func(_ net.Conn, r *bufio.Reader) { heard(r) },
		"cut in between":            func(conn net.Conn, r *bufio.Reader) { heard(r); _, _ = io.WriteString(conn, "HTTP/1.1 201 Cr") },
		"rubbish":                   answering("SSH-2.0-OpenSSH_9.9\r\n\r\n"),
		"two lengths":               answering("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi"),
		"no end of interim answers": answering(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n", 100)),
		"no end of a header":        answering("HTTP/1.1 201 Created\r\nX: " + strings.Repeat("x", 10_000)),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, talk)
			_, _, err := call(transport(t, s, http1.Options{MaxHeaderBytes: 2000}), post(t.Context(), t, s, "x"))
			wantUnsent(t, err, false)
			s.wantConnections(t, 1, 0)
		})
	}
}

// TestGivenUp: a call ends when its context or its time does, wherever it is, and
// its connection with it.
func TestGivenUp(t *testing.T) {
	waits := map[string]string{"for the answer": "", "in its header": "HTTP/1.1 201 Cr", "in its body": "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nh"}
	for where, head := range waits {
		for _, how := range []string{"by its context", "by its time"} {
			t.Run(where+" "+how, func(t *testing.T) {
				there := make(chan struct{}, 1)
				s := serve(t, func(conn net.Conn, r *bufio.Reader) {
					heard(r)
					_, _ = io.WriteString(conn, head)
					there <- struct{}{}
					_, _ = io.Copy(io.Discard, r)
				})
				o, want := http1.Options{Timeout: 50 * time.Millisecond}, context.DeadlineExceeded
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if how == "by its context" {
					o, want = http1.Options{}, context.Canceled
					go func() { <-there; cancel() }()
				}
				_, _, err := call(transport(t, s, o), post(ctx, t, s, "x"))
				wantUnsent(t, err, false)
				if !errors.Is(err, want) {
					t.Errorf("got %v", err)
				}
				s.wantConnections(t, 1, 0)
			})
		}
	}
}

// TestTimeIsEachCallsOwn: a connection whose last call's time is over takes
// another.
func TestTimeIsEachCallsOwn(t *testing.T) {
	s := serve(t, answering(hi))
	const timeout = 200 * time.Millisecond
	tr := transport(t, s, http1.Options{Timeout: timeout})
	wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
	<-time.After(timeout + 50*time.Millisecond)
	wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
	s.wantConnections(t, 1, 1)
}

// TestEarlyAnswer: a server refuses a request before it has all of it.
func TestEarlyAnswer(t *testing.T) {
	s := serve(t, func(conn net.Conn, r *bufio.Reader) {
		_, _ = r.ReadString('\n')
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
	})
	tr := transport(t, s, http1.Options{})
	for range 2 {
		wantAnswer(t, tr, post(t.Context(), t, s, strings.Repeat("x", 16<<20)), http.StatusRequestEntityTooLarge, "no")
	}
	s.wantConnections(t, 2, 0)
}

// TestBodyWithoutItsLength: a request that cannot be written whole is not waited
// for, and has not left where all of it was still in the buffer.
func TestBodyWithoutItsLength(t *testing.T) {
	s := serve(t, answering(hi))
	tr := transport(t, s, http1.Options{})
	for calls, size := range []int{10, 50_000} {
		wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
		req := post(t.Context(), t, s, strings.Repeat("x", size))
		req.ContentLength++
		_, _, err := call(tr, req)
		wantUnsent(t, err, size == 10)
		s.wantConnections(t, calls+1, 0)
	}
}

// TestSwitchedProtocols: nobody has asked for another.
func TestSwitchedProtocols(t *testing.T) {
	s := serve(t, answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"))
	resp, err := transport(t, s, http1.Options{}).RoundTrip(post(t.Context(), t, s, "x"))
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	s.wantConnections(t, 1, 0)
}

// TestTLS: HTTP/1.1 also with a server that would rather speak HTTP/2, and no
// certificate of another's.
func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	get := func(trusted *tls.Config) (string, error) {
		tr, err := http1.New(base, http1.Options{TLS: trusted})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		var body string
		for range 2 {
			if _, body, err = call(tr, req); err != nil {
				return "", err
			}
		}
		return body, nil
	}
	trusting := &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	if got, err := get(trusting); err != nil || got != "HTTP/1.1" {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = get(nil)
	wantUnsent(t, err, true)
	if trusting.ServerName != "" || trusting.NextProtos != nil {
		t.Error("the caller's configuration is not as it was")
	}
	elsewhere := trusting.Clone()
	elsewhere.ServerName = "elsewhere.example.org"
	_, err = get(elsewhere)
	wantUnsent(t, err, true)
}

// holding sends what is written in one piece, once it is told to hold it.
type holding struct {
	net.Conn
	holds bool
	held  []byte
}

func (h *holding) Write(p []byte) (int, error) {
	if !h.holds {
		return h.Conn.Write(p)
	}
	h.held = append(h.held, p...)
	return len(p), nil
}

// SetWriteDeadline would let [tls.Conn.CloseWrite] end what is still held.
func (*holding) SetWriteDeadline(time.Time) error { return nil }

// TestUnaskedInTLS: what comes behind an answer in a record of its own has been
// read by TLS when the connection is kept. An error that old TLS returns with the
// answer is not the next call's.
func TestUnaskedInTLS(t *testing.T) {
	certificates, trusting := certified(t)
	const calls = 3
	closes := func(c *tls.Conn) { _ = c.CloseWrite() }
	for name, tt := range map[string]struct {
		more      func(*tls.Conn)
		newest    uint16
		all, open int // connections
	}{
		"nothing":            {func(*tls.Conn) {}, tls.VersionTLS13, 1, 1},
		"an answer":          {func(c *tls.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyou") }, tls.VersionTLS13, calls, 1},
		"the close":          {closes, tls.VersionTLS13, calls, 1},
		"the close, TLS 1.2": {closes, tls.VersionTLS12, calls, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(conn net.Conn, _ *bufio.Reader) {
				wire := &holding{Conn: conn}
				spoken := tls.Server(wire, &tls.Config{Certificates: certificates, MaxVersion: tt.newest})
				for r := bufio.NewReader(spoken); heard(r); {
					wire.holds = true
					_, _ = io.WriteString(spoken, hi)
					tt.more(spoken)
					wire.holds = false
					_, _ = wire.Write(wire.held)
					wire.held = nil
				}
			})
			tr, req := secure(t, s, http1.Options{TLS: trusting, Timeout: soon})
			for range calls {
				wantAnswer(t, tr, req(), http.StatusCreated, "hi")
			}
			s.wantConnections(t, tt.all, tt.open)
		})
	}
}

// TestHandshakeFails: with an old protocol, also where the caller's configuration
// would have it, and without trust; the connection is closed.
func TestHandshakeFails(t *testing.T) {
	certificates, trusting := certified(t)
	for name, tt := range map[string]struct {
		newest uint16
		client *tls.Config
	}{
		"TLS 1.1":        {tls.VersionTLS11, &tls.Config{RootCAs: trusting.RootCAs, MinVersion: tls.VersionTLS10}},
		"another's name": {tls.VersionTLS13, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(conn net.Conn, _ *bufio.Reader) {
				spoken := tls.Server(conn, &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS10, MaxVersion: tt.newest})
				_, _ = io.Copy(io.Discard, spoken)
				_, _ = io.Copy(io.Discard, conn)
			})
			tr, req := secure(t, s, http1.Options{TLS: tt.client, Timeout: soon})
			_, _, err := call(tr, req())
			wantUnsent(t, err, true)
			if err == nil || !strings.Contains(err.Error(), "TLS handshake") {
				t.Errorf("got %v", err)
			}
			s.wantConnections(t, 1, 0)
		})
	}
}

func TestServersThatCannotBe(t *testing.T) {
	for _, server := range []string{"example.com", "https://", "http://:80", "ftp://example.com", "https://café.example"} {
		base, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := http1.New(base, http1.Options{}); err == nil {
			t.Errorf("%q is taken", server)
		}
	}
}
