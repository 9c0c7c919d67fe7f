package conomytest

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Request is one call that was made.
type Request struct {
	// Number counts the API calls from 1 on.
	Number int       `json:"number"`
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	// Path is escaped, as it came.
	Path string `json:"path"`
	// Endpoint is one of the Endpoint constants, "" for no call of the API.
	Endpoint string `json:"endpoint"`
	// Token is the checkoutToken of the path or of the body of a create.
	Token string `json:"token,omitempty"`
	// Status is what was answered, 0 for nothing (yet).
	Status int `json:"status"`
	// Ended is when it was answered, or cut off.
	Ended time.Time `json:"ended,omitzero"`
	// Header is the request's, credentials redacted.
	Header http.Header `json:"header"`
}

// book keeps the last requests and counts all.
type book struct {
	mu      sync.Mutex
	ring    []Request // len is what is kept
	keep    int
	total   int
	calls   map[string]int // by endpoint
	creates map[string]int // by token
}

func newBook(keep int) book {
	return book{keep: keep, calls: map[string]int{}, creates: map[string]int{}}
}

func (b *book) begin(c *call, now time.Time) (number int) {
	// The header is kept as it is and redacted by who reads it: most are never
	// read. net/http makes a new one for each request.
	one := Request{
		Time: now, Method: c.r.Method, Path: c.r.URL.EscapedPath(),
		Endpoint: c.endpoint, Token: c.token, Header: c.r.Header,
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total++
	b.calls[c.endpoint]++
	if c.endpoint == EndpointCreatePaymentLink {
		b.creates[c.token]++
	}
	one.Number = b.total
	if len(b.ring) < b.keep {
		b.ring = append(b.ring, one)
	} else {
		b.ring[(b.total-1)%b.keep] = one
	}
	return b.total
}

func (b *book) end(number, status int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := &b.ring[(number-1)%b.keep]; one.Number == number {
		one.Status, one.Ended = status, now
	}
}

// Requests returns the last requests, the oldest first, credentials redacted.
func (s *Server) Requests() []Request {
	s.book.mu.Lock()
	all := slices.Clone(s.book.ring)
	s.book.mu.Unlock()
	slices.SortFunc(all, func(a, b Request) int { return a.Number - b.Number })
	for i := range all {
		all[i].Header = redact(all[i].Header)
	}
	return all
}

func redact(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		if h.Get(name) != "" {
			h.Set(name, "***")
		}
	}
	return h
}

// Creates returns how many creates with this checkoutToken came, whatever they
// were answered.
func (s *Server) Creates(token string) int {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	return s.book.creates[token]
}

// Calls returns how many calls to an endpoint came; "" counts those that are
// none of the API's.
func (s *Server) Calls(endpoint string) int {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	return s.book.calls[endpoint]
}

// AuthCalls returns how many times a token was asked for.
func (s *Server) AuthCalls() int { return s.Calls(EndpointAuth) }
