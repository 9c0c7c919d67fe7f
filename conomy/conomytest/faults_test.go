package conomytest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

func createStatus(c *conomy.Client, token string) int {
	_, err := c.CreatePaymentLink(ctx, request(token))
	var e *conomy.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 201
}

func TestScriptOrder(t *testing.T) {
	box, client, _ := start(t, conomytest.Options{})
	twice := conomytest.Failure(503)
	twice.Times = 2
	box.Script(conomytest.Match{Token: "a"}, conomytest.Failure(500), twice, conomytest.Fault{}, conomytest.Failure(502))
	box.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink, Method: "POST"}, conomytest.Failure(429))
	box.Script(conomytest.Match{PathContains: "nowhere"}, conomytest.Failure(418))
	if n := box.FaultsLeft(); n != 7 {
		t.Errorf("%d faults left", n)
	}
	for i, want := range []int{500, 503, 503, 201, 502, 429, 409, 409} {
		if got := createStatus(client, "a"); got != want {
			t.Errorf("call %d: got %d, want %d", i, got, want)
		}
	}
	if n := box.FaultsLeft(); n != 1 {
		t.Errorf("%d faults left", n)
	}
	forever := conomytest.Failure(500)
	forever.Always = true
	box.Script(conomytest.Match{}, forever)
	for range 5 {
		if got := createStatus(client, "b"); got != 500 {
			t.Errorf("got %d", got)
		}
	}
	box.ClearFaults()
	if got := createStatus(client, "b"); got != 201 || box.FaultsLeft() != 0 {
		t.Errorf("got %d", got)
	}
}

func TestFaultAnswers(t *testing.T) {
	box, _, url := start(t, conomytest.Options{AccessToken: "own"})
	list := raw{method: "GET", url: url + "/payment-links"}
	for name, tt := range map[string]struct {
		fault       conomytest.Fault
		status      int
		contentType string
		contains    string
	}{
		"documented": {conomytest.Refusal(422, "21", "failedPrecondition", "so"), 422, "application/json", `"detail":"so"`},
		"html":       {conomytest.Fault{Status: 502, Body: "<html>"}, 502, "text/html; charset=utf-8", "<html>"},
		"empty":      {conomytest.Fault{Status: 503}, 503, "text/html; charset=utf-8", ""},
		"rubbish":    {conomytest.Fault{Status: 200, Body: "\x00"}, 200, "text/html; charset=utf-8", "\x00"},
		"headers":    {conomytest.Fault{Status: 302, Headers: map[string]string{"Location": "/x", "Content-Type": "a/b"}}, 302, "a/b", ""},
		"usual":      {conomytest.Fault{Headers: map[string]string{"X-Other": "1"}}, 200, "application/json", `"results"`},
	} {
		t.Run(name, func(t *testing.T) {
			box.Script(conomytest.Match{}, tt.fault)
			status, header, body := list.do(t)
			if status != tt.status || header.Get("Content-Type") != tt.contentType || !strings.Contains(body, tt.contains) {
				t.Errorf("got %d %v %q", status, header, body)
			}
			for h, v := range tt.fault.Headers {
				if header.Get(h) != v {
					t.Errorf("header %s: %q", h, header.Get(h))
				}
			}
		})
	}
}

func TestFailuresAreTheProviders(t *testing.T) {
	box, client, _ := start(t, conomytest.Options{})
	for status, code := range map[int]string{
		400: "11", 403: "43", 404: "31", 409: "13", 422: "21", 429: "32", 500: "01", 501: "42", 503: "02",
	} {
		box.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}, conomytest.Failure(status))
		_, err := client.CreatePaymentLink(ctx, request("t"))
		wantCode(t, err, status, code)
	}
}

// TestWorkAndAnswer: whether the work is done, and what the caller sees of it,
// are two things.
func TestWorkAndAnswer(t *testing.T) {
	for name, fault := range map[string]conomytest.Fault{
		"status":   conomytest.Failure(500),
		"cut":      {Cut: true},
		"hang":     {Hang: true},
		"cut body": {CutBody: true, Status: 201, Body: `{"id":"1","checkoutToken":"t"}`},
	} {
		for _, after := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				box, client, _ := start(t, conomytest.Options{})
				if err := client.Authenticate(ctx); err != nil {
					t.Fatal(err)
				}
				fault.AfterWork = after
				box.Script(conomytest.Match{}, fault)
				limited, cancel := context.WithTimeout(ctx, 10*time.Second)
				defer cancel()
				result := make(chan error, 1)
				go func() {
					_, err := client.CreatePaymentLink(limited, request("t"))
					result <- err
				}()
				if fault.Hang {
					waitFor(t, func() bool { return box.FaultsLeft() == 0 && (!after || len(box.Links()) == 1) })
					cancel()
				}
				err := <-result
				var e *conomy.Error
				if !errors.As(err, &e) || !e.OutcomeUnknown() {
					t.Errorf("got %v", err)
				}
				if done := len(box.Links()) == 1; done != after {
					t.Errorf("work done: %v", done)
				}
			})
		}
	}
}

func TestDelay(t *testing.T) {
	box, client, _ := start(t, conomytest.Options{Latency: 20 * time.Millisecond})
	box.Script(conomytest.Match{Token: "t"}, conomytest.Fault{Delay: conomytest.Delay(50 * time.Millisecond)})
	if err := client.Authenticate(ctx); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	mustCreate(t, client, "t")
	if d := time.Since(begin); d < 70*time.Millisecond {
		t.Errorf("answered after %v", d)
	}
}

// TestClose: what hangs ends, so that a server can be closed.
func TestClose(t *testing.T) {
	box := conomytest.New(conomytest.Options{AccessToken: "own"})
	server := httptest.NewServer(box)
	box.Script(conomytest.Match{Method: "GET"}, conomytest.Fault{Hang: true, Always: true})
	box.Script(conomytest.Match{Method: "POST"}, conomytest.Fault{Delay: conomytest.Delay(time.Hour)})
	var all sync.WaitGroup
	for _, method := range []string{"GET", "POST"} {
		all.Go(func() {
			req, err := http.NewRequest(method, server.URL+"/payment-links", strings.NewReader("{}"))
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := server.Client().Transport.RoundTrip(req)
			if err == nil {
				_ = resp.Body.Close()
				t.Error("there was an answer")
			}
		})
	}
	waitFor(t, func() bool { return len(box.Requests()) == 2 })
	box.Close()
	box.Close()
	all.Wait()
	server.Close()
}

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

func TestBookRedacts(t *testing.T) {
	box, client, url := start(t, conomytest.Options{})
	mustCreate(t, client, "t")
	raw{method: "GET", url: url + "/payment-links"}.wantCode(t, 401, "41")
	requests := box.Requests()
	if len(requests) != 3 {
		t.Fatalf("got %+v", requests)
	}
	made := requests[1]
	if made.Method != "POST" || made.Path != "/sandbox/payment-links" || made.Token != "t" || made.Status != 201 ||
		made.Endpoint != conomytest.EndpointCreatePaymentLink || made.Time.IsZero() || requests[2].Status != 401 {
		t.Errorf("got %+v", made)
	}
	for _, r := range requests {
		if r.Header.Get("X-Api-Key") != "***" || strings.Contains(r.Header.Get("Authorization"), "Bearer") {
			t.Errorf("got %v", r.Header)
		}
	}
	if r := requests[1]; r.Header.Get("User-Agent") != "test/1.0" {
		t.Errorf("got %v", r.Header)
	}
}

func TestForPeople(t *testing.T) {
	box, client, url := start(t, conomytest.Options{AccessToken: "own"})
	mustCreate(t, client, "t")
	if _, err := client.CreateCheckoutSession(ctx, "t", nil); err != nil {
		t.Fatal(err)
	}
	if status, header, text := (raw{method: "GET", url: url + "/"}).do(t); status != 200 ||
		!strings.Contains(text, "_sandbox/faults") || header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got %d %s", status, text)
	}
	for path, n := range map[string]int{"links": 1, "sessions": 1, "requests": 3} {
		_, _, text := raw{method: "GET", url: url + "/_sandbox/" + path}.do(t)
		var all []map[string]any
		if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) != n {
			t.Errorf("%s: %v in %s", path, err, text)
		}
		if strings.Contains(text, "Bearer ") || strings.Contains(text, `"key"`) {
			t.Errorf("%s shows credentials: %s", path, text)
		}
	}
	faults := url + "/_sandbox/faults"
	status, _, text := raw{method: "POST", url: faults, body: `{"match":{"endpoint":"create_payment_link"},
		"faults":[{"status":503,"times":2,"delay":"1ms","headers":{"Retry-After":"1"}},{"cut":true,"afterWork":true}]}`}.do(t)
	if status != 200 || text != `{"faultsLeft":3}` {
		t.Errorf("got %d %s", status, text)
	}
	if got := createStatus(client, "u"); got != 503 {
		t.Errorf("got %d", got)
	}
	raw{method: "DELETE", url: faults}.wantCode(t, 204, "")
	if box.FaultsLeft() != 0 || createStatus(client, "u") != 201 {
		t.Error("the faults are still there")
	}
	for _, bad := range []string{
		``, `{}`, `{"faults":[]}`, `{"faults":[{"statsu":1}]}`, `{"faults":[{"status":99}]}`, `{"faults":[{"delay":"soon"}]}`,
		`{"match":{"endpoint":"create"},"faults":[{}]}`,
	} {
		if status, _, text := (raw{method: "POST", url: faults, body: bad}).do(t); status != 400 || text == "" {
			t.Errorf("%s: got %d %s", bad, status, text)
		}
	}
	if status, _, _ := (raw{method: "GET", url: url + "/_sandbox/nothing"}).do(t); status != 404 {
		t.Errorf("got %d", status)
	}
	if n := len(box.Requests()); n != 5 {
		t.Errorf("people's own requests are in the book: %d", n)
	}
}

// TestInMemory: the handler serves without a server too; a cut shows itself as
// the panic that net/http knows.
func TestInMemory(t *testing.T) {
	box := conomytest.New(conomytest.Options{})
	box.Script(conomytest.Match{}, conomytest.Fault{Cut: true})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("got %v", v)
		}
	}()
	box.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/payment-links", io.NopCloser(strings.NewReader(""))))
	t.Error("it was answered")
}

func TestEndpointNames(t *testing.T) {
	for ours, clients := range map[string]string{
		conomytest.EndpointAuth:                  conomy.EndpointAuth,
		conomytest.EndpointCreatePaymentLink:     conomy.EndpointCreatePaymentLink,
		conomytest.EndpointGetPaymentLink:        conomy.EndpointGetPaymentLink,
		conomytest.EndpointListPaymentLinks:      conomy.EndpointListPaymentLinks,
		conomytest.EndpointCreateCheckoutSession: conomy.EndpointCreateCheckoutSession,
	} {
		if ours != clients {
			t.Errorf("%s is %s in the client", ours, clients)
		}
	}
}
