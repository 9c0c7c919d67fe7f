package http1_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linkworker/linkworker/conomy/http1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when what has to happen has happened on the slowest machine.
const soon = 20 * time.Second

// server accepts connections and leaves what is said on them to a test.
type server struct {
	net.Listener
	mu       sync.Mutex
	accepted int
	open     map[net.Conn]bool
	ended    sync.WaitGroup
}

// serve calls talk for each connection, which is closed when talk returns.
func serve(t *testing.T, talk func(conn net.Conn, r *bufio.Reader)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: listener, open: map[net.Conn]bool{}}
	s.ended.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.note(conn, true)
			s.ended.Go(func() {
				defer s.note(conn, false)
				talk(conn, bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(s.stop)
	return s
}

func (s *server) note(conn net.Conn, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if open {
		s.accepted++
		s.open[conn] = true
		return
	}
	delete(s.open, conn)
	_ = conn.Close()
}

func (s *server) stop() {
	_ = s.Close()
	s.mu.Lock()
	for conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.ended.Wait()
}

// connections returns how many there have been, and how many are open.
func (s *server) connections() (all, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted, len(s.open)
}

// wantConnections waits for a number of open ones, because the server hears of an
// end later than the client makes it.
func (s *server) wantConnections(t *testing.T, all, open int) {
	t.Helper()
	until(t, func() bool {
		a, o := s.connections()
		return a == all && o == open
	}, func() { t.Errorf("connections so far and open: want %d and %d", all, open); t.Log(s.connections()) })
}

func until(t *testing.T, done func() bool, otherwise func()) {
	t.Helper()
	for deadline := time.Now().Add(soon); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			otherwise()
			t.FailNow()
		}
	}
}

// hi is a good answer.
const hi = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi"

// answering answers each request with the same bytes.
func answering(answer string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, r *bufio.Reader) {
		for heard(r) {
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
}

// heard reads one request.
func heard(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

func transport(t *testing.T, s *server, o http1.Options) *http1.Transport {
	t.Helper()
	tr, err := http1.New(&url.URL{Scheme: "http", Host: s.Addr().String()}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// secure is a transport to the same server by TLS, and what it posts.
func secure(t *testing.T, s *server, o http1.Options) (*http1.Transport, func() *http.Request) {
	t.Helper()
	base := &url.URL{Scheme: "https", Host: s.Addr().String()}
	tr, err := http1.New(base, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr, func() *http.Request {
		req := post(t.Context(), t, s, "x")
		req.URL = base
		return req
	}
}

// certified has a certificate for servers, and a configuration that trusts it.
func certified(t *testing.T) (certificates []tls.Certificate, trusting *tls.Config) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	return server.TLS.Certificates, server.Client().Transport.(*http.Transport).TLSClientConfig
}

func post(ctx context.Context, t *testing.T, s *server, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Addr().String()+"/payment-links", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// call makes a call and reads its answer.
func call(tr *http1.Transport, req *http.Request) (int, string, error) {
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func wantAnswer(t *testing.T, tr *http1.Transport, req *http.Request, status int, body string) {
	t.Helper()
	gotStatus, gotBody, err := call(tr, req)
	if err != nil || gotStatus != status || gotBody != body {
		t.Fatalf("got %d, %q, %v", gotStatus, gotBody, err)
	}
}
