package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/http1"
)

// TestKeepsConnections: which answers leave their connection for the next call.
func TestKeepsConnections(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		body   string
		kept   bool
	}{
		"a length":           {hi, "hi", true},
		"nothing":            {"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "", true},
		"more than a header": {"HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n" + strings.Repeat("x", 5000), strings.Repeat("x", 5000), true},
		"chunks":             {"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi", true},
		"chunks, trailers":   {"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n", "hi", true},
		"interim answers":    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi", "hi", true},
		"HTTP/1.0":           {"HTTP/1.0 201 Created\r\nContent-Length: 2\r\n\r\nhi", "hi", false},
		"HTTP/1.0, kept":     {"HTTP/1.0 201 Created\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", "hi", true},
		"close":              {"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", "hi", false},
		"a second answer":    {"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyou", "hi", false},
		"more than a length": {"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi\r\n", "hi", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answering(tt.answer))
			tr := transport(t, s, http1.Options{MaxHeaderBytes: 1000})
			const calls = 3
			for range calls {
				wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, tt.body)
			}
			want := map[bool]int{true: 1, false: calls}[tt.kept]
			s.wantConnections(t, want, map[bool]int{true: 1, false: 0}[tt.kept])
		})
	}
}

// TestAnswerUntilTheEnd is one that has no length: the close is its end.
func TestAnswerUntilTheEnd(t *testing.T) {
	s := serve(t, func(conn net.Conn, r *bufio.Reader) {
		heard(r)
		_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\n\r\nhi")
	})
	tr := transport(t, s, http1.Options{})
	for range 2 {
		wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
	}
	s.wantConnections(t, 2, 0)
}

// TestUnreadAnswer: what is left of an answer is not read, and is not the next
// one's.
func TestUnreadAnswer(t *testing.T) {
	s := serve(t, answering(hi))
	tr := transport(t, s, http1.Options{})
	for range 3 {
		resp, err := tr.RoundTrip(post(t.Context(), t, s, "x"))
		if err != nil {
			t.Fatal(err)
		}
		var one [1]byte
		if _, err := io.ReadFull(resp.Body, one[:]); err != nil || one[0] != 'h' {
			t.Fatalf("got %q, %v", one, err)
		}
		_ = resp.Body.Close()
		if _, err := resp.Body.Read(one[:]); err == nil {
			t.Error("a closed body can be read")
		}
		if err := resp.Body.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
	}
	s.wantConnections(t, 3, 0)
}

// TestEmptyAnswer need not be read.
func TestEmptyAnswer(t *testing.T) {
	s := serve(t, answering("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"))
	tr := transport(t, s, http1.Options{})
	for range 3 {
		resp, err := tr.RoundTrip(post(t.Context(), t, s, "x"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	s.wantConnections(t, 1, 1)
}

// TestGivenUpAfterTheAnswer: what ends the one call must not end the next one on
// its connection.
func TestGivenUpAfterTheAnswer(t *testing.T) {
	s := serve(t, answering(hi))
	tr := transport(t, s, http1.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := tr.RoundTrip(post(ctx, t, s, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "hi" {
		t.Errorf("got %q, %v", body, err)
	}
	cancel()
	_ = resp.Body.Close()
	s.wantConnections(t, 1, 0)
}

// TestRequestAsksForTheClose of its connection.
func TestRequestAsksForTheClose(t *testing.T) {
	s := serve(t, answering(hi))
	req := post(t.Context(), t, s, "x")
	req.Close = true
	wantAnswer(t, transport(t, s, http1.Options{}), req, http.StatusCreated, "hi")
	s.wantConnections(t, 1, 0)
}

// watched counts who watches over a context's end, and who ever did.
type watched struct {
	context.Context
	watchers, ever atomic.Int32
}

// Value keeps package context from watching in a way of its own.
func (*watched) Value(any) any { return nil }

func (w *watched) AfterFunc(f func()) func() bool {
	w.ever.Add(1)
	w.watchers.Add(1)
	stop := context.AfterFunc(w.Context, f)
	return func() bool { w.watchers.Add(-1); return stop() }
}

// TestWatchesNoLonger than a call takes, good or not: contexts may live long.
func TestWatchesNoLonger(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	ctx := &watched{Context: parent}
	for _, answer := range []string{hi, "rubbish\r\n\r\n"} {
		s := serve(t, answering(answer))
		_, _, _ = call(transport(t, s, http1.Options{}), post(ctx, t, s, "x"))
		if n := ctx.watchers.Load(); n != 0 {
			t.Errorf("%d still watch after %q", n, answer)
		}
	}
	if ctx.ever.Load() == 0 {
		t.Error("nobody has watched")
	}
}

// TestServerClosesKeptConnections: a request that would meet the close is made
// over another connection.
func TestServerClosesKeptConnections(t *testing.T) {
	read, closed := make(chan bool), make(chan struct{})
	s := serve(t, func(conn net.Conn, r *bufio.Reader) {
		heard(r)
		_, _ = io.WriteString(conn, hi)
		if reset := <-read; reset {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
		closed <- struct{}{}
	})
	tr := transport(t, s, http1.Options{})
	const calls = 200
	for call := range calls {
		wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
		read <- call%2 == 0
		<-closed
	}
	s.wantConnections(t, calls, 0)
}

// TestUnaskedAnswer comes while nobody waits for one.
func TestUnaskedAnswer(t *testing.T) {
	sent := make(chan struct{})
	s := serve(t, func(conn net.Conn, r *bufio.Reader) {
		for heard(r) {
			_, _ = io.WriteString(conn, hi)
			<-sent
			_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyou")
			sent <- struct{}{}
		}
	})
	tr := transport(t, s, http1.Options{})
	for range 3 {
		wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
		sent <- struct{}{}
		<-sent
	}
	s.wantConnections(t, 3, 1)
}

// held is a server that answers when it is told to, and the calls to it.
type held struct {
	*server
	t      *testing.T
	tr     *http1.Transport
	answer chan struct{}
	done   chan error
}

func hold(t *testing.T, o http1.Options) *held {
	h := &held{t: t, answer: make(chan struct{}), done: make(chan error)}
	h.server = serve(t, func(conn net.Conn, r *bufio.Reader) {
		for heard(r) {
			<-h.answer
			_, _ = io.WriteString(conn, hi)
		}
	})
	h.tr = transport(t, h.server, o)
	return h
}

// call begins so many calls.
func (h *held) call(calls int) {
	h.t.Helper()
	for range calls {
		go func() {
			_, _, err := call(h.tr, post(context.Background(), h.t, h.server, "x"))
			h.done <- err
		}()
	}
	until(h.t, func() bool { _, open := h.connections(); return open >= calls }, func() { h.t.Error("too few connections") })
}

// end lets so many calls have their answer, which leaves their connections kept.
func (h *held) end(calls int) {
	h.t.Helper()
	for range calls {
		h.answer <- struct{}{}
		if err := <-h.done; err != nil {
			h.t.Error(err)
		}
	}
}

// TestKeptConnectionsEnd without another call, and no goroutine is left behind.
func TestKeptConnectionsEnd(t *testing.T) {
	h := hold(t, http1.Options{IdleTimeout: 50 * time.Millisecond})
	before := runtime.NumGoroutine()
	for round := range 3 {
		h.call(2)
		h.end(2)
		h.wantConnections(t, 2*(round+1), 0)
	}
	until(t, func() bool { return runtime.NumGoroutine() <= before }, func() { t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before) })
}

// TestAge: each kept connection ends when it is old enough itself.
func TestAge(t *testing.T) {
	const most = 300 * time.Millisecond
	h := hold(t, http1.Options{IdleTimeout: most})
	h.call(2)
	h.end(1)
	<-time.After(most / 2)
	since := time.Now()
	h.end(1)
	h.wantConnections(t, 2, 0)
	if aged := time.Since(since); aged < most {
		t.Errorf("the younger one was kept for %v", aged)
	}
}

// TestSurplusEnds: connections that fewer calls do not need are not kept in use.
func TestSurplusEnds(t *testing.T) {
	h := hold(t, http1.Options{IdleTimeout: 300 * time.Millisecond})
	h.call(3)
	h.end(3)
	until(t, func() bool {
		h.call(1)
		h.end(1)
		_, open := h.connections()
		return open == 1
	}, func() { t.Error("all are in use") })
	if all, _ := h.connections(); all != 3 {
		t.Errorf("%d connections", all)
	}
}

// TestKeepsNoMoreThan is told, and none once it is told so.
func TestKeepsNoMoreThan(t *testing.T) {
	const calls, most = 5, 3
	h := hold(t, http1.Options{MaxIdle: most})
	h.call(calls)
	h.end(calls)
	h.wantConnections(t, calls, most)
	h.tr.CloseIdleConnections()
	h.wantConnections(t, calls, 0)
	h.call(1)
	h.end(1)
	h.wantConnections(t, calls+1, 1)
}

// TestHeaderBoundHoldsAgain for each call of a connection.
func TestHeaderBoundHoldsAgain(t *testing.T) {
	long := "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX: " + strings.Repeat("x", 10_000) + "\r\n\r\nhi"
	s := serve(t, func(conn net.Conn, r *bufio.Reader) {
		heard(r)
		_, _ = io.WriteString(conn, hi)
		heard(r)
		_, _ = io.WriteString(conn, long)
	})
	tr := transport(t, s, http1.Options{MaxHeaderBytes: 1000})
	wantAnswer(t, tr, post(t.Context(), t, s, "x"), http.StatusCreated, "hi")
	_, _, err := call(tr, post(t.Context(), t, s, "x"))
	wantUnsent(t, err, false)
	s.wantConnections(t, 1, 0)
}

// TestAnswersAreOnesOwn: whatever breaks, no call gets the answer to another.
func TestAnswersAreOnesOwn(t *testing.T) {
	s := serve(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			whole := fmt.Sprintf("HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			switch sum(body) % 7 {
			case 0: // no answer
				return
			case 1: // half an answer
				_, _ = io.WriteString(conn, whole[:len(whole)/2])
				return
			case 2: // an answer too many
				whole += whole
			case 3: // an answer that comes too late for some
				time.Sleep(time.Duration(sum(body)%5) * time.Millisecond)
			}
			if _, err := io.WriteString(conn, whole); err != nil {
				return
			}
		}
	})
	tr := transport(t, s, http1.Options{MaxIdle: 8})
	var answered, broken int
	results := make(chan error)
	const callers, each = 16, 100
	for caller := range callers {
		go func() {
			for n := range each {
				want := fmt.Sprintf("%d of %d", n, caller)
				ctx, cancel := context.WithTimeout(context.Background(), soon)
				if n%5 == 0 {
					cancel()
					ctx, cancel = context.WithTimeout(context.Background(), 2*time.Millisecond)
				}
				_, got, err := call(tr, post(ctx, t, s, want))
				cancel()
				if err == nil && got != want {
					t.Errorf("the answer to %q is %q", want, got)
				}
				results <- err
			}
		}()
	}
	for range callers * each {
		if err := <-results; err == nil {
			answered++
		} else {
			broken++
		}
	}
	if answered < callers*each/4 || broken < callers*each/10 {
		t.Errorf("%d answered, %d broken: the test does not try what it should", answered, broken)
	}
}

func sum(p []byte) (n int) {
	for _, b := range p {
		n += int(b)
	}
	return n
}
