package http1_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/conomy/http1"
)

// BenchmarkRoundTrip compares with net/http's own, 64 calls at once.
func BenchmarkRoundTrip(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, strings.Repeat("x", 600))
	}))
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	own, err := http1.New(base, http1.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer own.CloseIdleConnections()
	standard := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	defer standard.CloseIdleConnections()
	for name, transport := range map[string]http.RoundTripper{"http1": own, "net-http": standard} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL, strings.NewReader(strings.Repeat("x", 600)))
					if err != nil {
						b.Error(err)
						return
					}
					resp, err := transport.RoundTrip(req)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
		})
	}
}
