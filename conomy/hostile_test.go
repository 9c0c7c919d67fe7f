package conomy_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy"
)

// What ends by its size has ample time, so that a busy machine does not end it by the clock; what ends by the clock alone
// has little. late is when a call that has not ended was not bounded.
const (
	ample  = time.Minute
	little = 500 * time.Millisecond
	late   = 50 * time.Second
)

// hostile answers that never end, or hardly begin. A client must come out of each within its time and its memory.
var hostile = map[string]struct {
	answer  http.HandlerFunc
	want    verdict
	timeout time.Duration
}{
	"a body without end": {func(w http.ResponseWriter, _ *http.Request) {
		forever(w, `{"id":"`, strings.Repeat("x", 32<<10))
	}, verdict{conomy.KindNonsense, false, true, true}, ample},
	"an error without end": {func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		forever(w, `{"status":400,"code":"11","type":"invalidParam","detail":"`, strings.Repeat("x", 32<<10))
	}, verdict{conomy.KindStatus, false, true, true}, ample},
	"a byte now and then": {func(w http.ResponseWriter, r *http.Request) {
		drip(w, r, " ")
	}, maybeDone, little},
	"an error, a byte now and then": {func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		drip(w, r, " ")
	}, verdict{conomy.KindStatus, false, true, true}, little},
	"headers without end": {func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2000 {
			w.Header().Set("X-Header-"+strconv.Itoa(i), strings.Repeat("x", 1000))
		}
		_, _ = io.WriteString(w, `{"id":"1","checkoutToken":"t","url":"https://a.example/t"}`)
	}, maybeDone, ample},
	"early hints without end": {func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "<https://a.example/"+strings.Repeat("x", 1000)+">; rel=preload")
		for r.Context().Err() == nil {
			w.WriteHeader(http.StatusEarlyHints)
		}
	}, maybeDone, ample},
	"another content type": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "\x89PNG\r\n\x1a\n")
	}, verdict{conomy.KindNonsense, false, true, true}, ample},
	"an encoding that was not asked for": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		_, _ = io.WriteString(w, "\x8b\x05\x80{}")
	}, verdict{conomy.KindNonsense, false, true, true}, ample},
	"gzip that is none": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}, maybeDone, ample},
	"an answer that nests deep": {func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":"1","x":`+strings.Repeat("[", 500_000))
	}, verdict{conomy.KindNonsense, false, true, true}, ample},
	"a number that nobody can hold": {func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":"1","checkoutToken":"t","url":"http://a.example/t","totalAmount":1e`+strings.Repeat("9", 1000)+`}`)
	}, verdict{conomy.KindNonsense, false, true, true}, ample},
}

func forever(w http.ResponseWriter, head, piece string) {
	_, err := io.WriteString(w, head)
	for err == nil {
		_, err = io.WriteString(w, piece)
	}
}

func drip(w http.ResponseWriter, r *http.Request, piece string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, piece); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		<-tick.C
	}
}

// schemes are those that a provider may be reached by.
func schemes(t *testing.T, run func(t *testing.T, client func(http.HandlerFunc, time.Duration) *conomy.Client)) {
	for _, secured := range []bool{false, true} {
		name := map[bool]string{false: "http", true: "https"}[secured]
		t.Run(name, func(t *testing.T) {
			run(t, func(h http.HandlerFunc, timeout time.Duration) *conomy.Client {
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					h(w, r)
				}))
				cfg := conomy.Config{Timeout: timeout, Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"}}
				if server.EnableHTTP2 = secured; secured {
					server.StartTLS()
					cfg.TLS = trusting(server)
				} else {
					server.Start()
				}
				t.Cleanup(server.Close)
				cfg.BaseURL = server.URL
				return newClient(t, cfg)
			})
		})
	}
}

func trusting(server *httptest.Server) *tls.Config {
	return &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
}

func TestHostileAnswers(t *testing.T) {
	schemes(t, func(t *testing.T, client func(http.HandlerFunc, time.Duration) *conomy.Client) {
		for name, tt := range hostile {
			t.Run(name, func(t *testing.T) {
				c := client(tt.answer, tt.timeout)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				began := time.Now()
				link, err := c.CreatePaymentLink(context.Background(), linkRequest("t"))
				took := time.Since(began)
				runtime.ReadMemStats(&after)
				e := wantError(t, err, tt.want)
				if link != nil || e.OutcomeUnknown() != true {
					t.Errorf("got %+v, %v", link, err)
				}
				if took > late {
					t.Errorf("it took %v", took)
				}
				// What the server wrote is in the count, too.
				if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
					t.Errorf("%d MiB", grown>>20)
				}
			})
		}
	})
}

// TestNoCredentialsElsewhere: a provider, or who stands in its place, may point anywhere.
func TestNoCredentialsElsewhere(t *testing.T) {
	var caught atomic.Int32
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	go func() {
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			caught.Add(1)
			_ = conn.Close()
		}
	}()
	elsewhere := "http://" + trap.Addr().String() + "/"
	schemes(t, func(t *testing.T, client func(http.HandlerFunc, time.Duration) *conomy.Client) {
		for header, value := range map[string]string{
			"Location": elsewhere, "Refresh": "0; url=" + elsewhere, "Alt-Svc": `h2="` + trap.Addr().String() + `"`,
			"Content-Location": elsewhere, "Link": "<" + elsewhere + ">; rel=next",
		} {
			for _, status := range []int{201, 301, 302, 303, 307, 308, 401, 407, 421, 503} {
				c := client(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set(header, value)
					w.Header().Set("Proxy-Authenticate", "Basic")
					w.WriteHeader(status)
				}, ample)
				for range 2 {
					if _, err := c.CreatePaymentLink(context.Background(), linkRequest("t")); err == nil {
						t.Errorf("%s, %d: no error", header, status)
					}
				}
			}
		}
	})
	if n := caught.Load(); n != 0 {
		t.Errorf("%d connections to where an answer pointed", n)
	}
}
