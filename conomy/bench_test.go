package conomy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

// BenchmarkCreatePaymentLink measures the client alone: the answer is ready.
func BenchmarkCreatePaymentLink(b *testing.B) {
	client := newClient(b, conomy.Config{
		BaseURL: "https://api.example.com",
		Transport: handlerTransport{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"id":"1","checkoutToken":"t","status":"ACTIVE","url":"https://a.example/t"}`)
		})},
		Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "x"},
	})
	req := linkRequest("t")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.CreatePaymentLink(context.Background(), req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSandbox measures client, emulator and the connections between them,
// with 64 calls at once.
func BenchmarkSandbox(b *testing.B) {
	_, client := sandbox(b, conomytest.Options{}, conomy.Config{MaxConns: 128})
	var n atomic.Int64
	b.SetParallelism(64)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := client.CreatePaymentLink(context.Background(), linkRequest(fmt.Sprint("t-", n.Add(1)))); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
