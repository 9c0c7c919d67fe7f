package conomy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

var (
	notSent   = verdict{conomy.KindTransport, false, true, false}
	maybeDone = verdict{conomy.KindTransport, false, true, true}
)

func TestNoConnection(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, conomy.Config{
		BaseURL: "http://" + addr, Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"},
	})
	_, err = client.CreatePaymentLink(context.Background(), linkRequest("t"))
	wantError(t, err, notSent)
}

// TestCertificateOfAnother: the handshake fails, so nothing was sent.
func TestCertificateOfAnother(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	client := newClient(t, conomy.Config{
		BaseURL: server.URL, Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"},
	})
	_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
	wantError(t, err, notSent)
}

func TestCutConnections(t *testing.T) {
	for name, fault := range map[string]conomytest.Fault{
		"before the work": {Cut: true},
		"after the work":  {Cut: true, AfterWork: true},
		"in the body":     {CutBody: true},
	} {
		t.Run(name, func(t *testing.T) {
			box, client := sandbox(t, conomytest.Options{}, conomy.Config{})
			box.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}, fault)
			_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
			wantError(t, err, maybeDone)
			done := len(box.Links()) == 1
			if done != (fault.AfterWork || fault.CutBody) {
				t.Errorf("work done: %v", done)
			}
		})
	}
}

// TestCutErrorAnswer: the status stands, the words are lost.
func TestCutErrorAnswer(t *testing.T) {
	box, client := sandbox(t, conomytest.Options{}, conomy.Config{})
	fault := conomytest.Failure(http.StatusBadRequest)
	fault.CutBody = true
	box.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}, fault)
	_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
	wantError(t, err, verdict{conomy.KindStatus, false, true, true})
}

func TestTimeouts(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"a slow drip": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for {
				if _, err := io.WriteString(w, " "); err != nil {
					return
				}
				if http.NewResponseController(w).Flush() != nil {
					return
				}
				select {
				case <-tick.C:
				case <-r.Context().Done():
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, conomy.Config{
				BaseURL: serve(t, h), Timeout: 100 * time.Millisecond,
				Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"},
			})
			_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
			wantError(t, err, maybeDone)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCallerGivesUp(t *testing.T) {
	box, client := sandbox(t, conomytest.Options{}, conomy.Config{})
	create(t, client, "first") // has the token
	box.Script(conomytest.Match{}, conomytest.Fault{Hang: true, Always: true})
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		_, err := client.CreatePaymentLink(ctx, linkRequest("t"))
		result <- err
	}()
	waitFor(t, func() bool { return box.Creates("t") == 1 })
	cancel()
	err := <-result
	wantError(t, err, maybeDone)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	_, err = client.CreatePaymentLink(ctx, linkRequest("u"))
	wantError(t, err, notSent)
	if !errors.Is(err, context.Canceled) || box.Creates("u") != 0 {
		t.Errorf("got %v", err)
	}
}

// TestCallerGivesUpInTheBody: a status without its words is the caller's end, not
// a gateway's verdict.
func TestCallerGivesUpInTheBody(t *testing.T) {
	for _, status := range []int{201, 400, 401, 503} {
		ctx, cancel := context.WithCancel(context.Background())
		client := newClient(t, conomy.Config{
			BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(status)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})),
			Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"},
			Transport:   afterHeaders{&http.Transport{}, cancel},
		})
		_, err := client.CreatePaymentLink(ctx, linkRequest("t"))
		wantError(t, err, maybeDone)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

// afterHeaders does something once an answer's headers are there.
type afterHeaders struct {
	*http.Transport
	do func()
}

func (t afterHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(r)
	t.do()
	return resp, err
}

// waitFor polls, because what it waits for happens in another goroutine that
// has no way to tell.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("did not come in time")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestGzipBomb(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = io.WriteString(zip, `{"id":"1","x":"`)
	zeros := make([]byte, 1<<20)
	for range 8 {
		_, _ = zip.Write(zeros)
	}
	_ = zip.Close()
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	_, err := client.GetPaymentLink(context.Background(), "x")
	wantError(t, err, verdict{conomy.KindNonsense, false, true, true})
}

func TestGzipAnswer(t *testing.T) {
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		_, _ = io.WriteString(zip, `{"id":"1","url":"https://a.example/1"}`)
		_ = zip.Close()
	})
	link, err := client.GetPaymentLink(context.Background(), "1")
	if err != nil || link.ID != "1" {
		t.Errorf("got %+v, %v", link, err)
	}
}

// TestRedirectsAreNotFollowed: the credentials would go along.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	trap := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{trap, "/payment-links", "", "http://%zz", "::"} {
			client := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/payment-links" || r.Method != http.MethodPost {
					elsewhere.Add(1)
				}
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			})
			_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
			wantError(t, err, verdict{conomy.KindNonsense, false, true, true})
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went where a redirect pointed", n)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	box := conomytest.New(conomytest.Options{})
	t.Cleanup(box.Close)
	server := httptest.NewUnstartedServer(box)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newClient(t, conomy.Config{BaseURL: server.URL, MaxConns: 2})
	create(t, client, "t")
	for range 20 { // good answers, errors and redirects alike
		_, _ = client.CreatePaymentLink(context.Background(), linkRequest("t"))
		_, _ = client.GetPaymentLink(context.Background(), "plink-1")
		_, _ = client.GetPaymentLink(context.Background(), "nothing")
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestHTTP2 sees to it that what was sent is known there too: with a transport
// of the caller's.
func TestHTTP2(t *testing.T) {
	box := conomytest.New(conomytest.Options{})
	server := httptest.NewUnstartedServer(box)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(box.Close)
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   trusting(server),
	}
	client := newClient(t, conomy.Config{BaseURL: server.URL, Transport: transport})
	create(t, client, "t")
	box.Script(conomytest.Match{}, conomytest.Fault{Cut: true, AfterWork: true})
	_, err := client.CreatePaymentLink(context.Background(), linkRequest("u"))
	wantError(t, err, maybeDone)
	if len(box.Links()) != 2 {
		t.Errorf("%d links", len(box.Links()))
	}
	server.CloseClientConnections()
	server.Listener.Close()
	waitFor(t, func() bool {
		_, err = client.CreatePaymentLink(context.Background(), linkRequest("v"))
		return err != nil
	})
}

// strangeTransport knows no trace.
type strangeTransport struct{ err error }

func (t strangeTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, t.err }

func TestForeignTransport(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want verdict
	}{
		{errors.New("who knows"), maybeDone},
		{&net.OpError{Op: "dial", Err: errors.New("no route")}, notSent},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, maybeDone},
	} {
		client := newClient(t, conomy.Config{
			BaseURL: "https://api.example.com", Transport: strangeTransport{tt.err},
			Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"},
		})
		_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
		wantError(t, err, tt.want)
		if !errors.Is(err, tt.err) {
			t.Errorf("the cause is lost: %v", err)
		}
	}
}
