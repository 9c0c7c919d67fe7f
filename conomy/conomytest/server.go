package conomytest

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	defaultCheckoutURL  = "https://checkout.conomyhq.com"
	defaultTokenTTL     = 24 * time.Hour
	defaultSessionTTL   = 30 * time.Minute
	defaultKeepRequests = 1000
)

// Options shape a [Server]. The zero value is a patient sandbox that takes any
// credentials.
type Options struct {
	// APIKey, ClientID and ClientSecret are what clients must present; empty:
	// anything that is not empty. See also [Server.SetCredentials].
	APIKey, ClientID, ClientSecret string
	// AccessToken is accepted beside the tokens that /auth hands out, for clients
	// with a ready-made one. Empty: none.
	AccessToken string
	// TokenTTL is the life of access tokens. Zero: 24 h.
	TokenTTL time.Duration
	// CheckoutURL is where hosted URLs begin. Empty: https://checkout.conomyhq.com.
	CheckoutURL string
	// Latency is added to each API call.
	Latency time.Duration
	// FailRate is the share of API calls, 0 to 1, that fail with a 500; every
	// other one of these has done its work. /auth is spared.
	FailRate float64
	// Seed makes FailRate's choice repeatable.
	Seed uint64
	// RateLimit is how many API calls a second are taken, with a burst of one
	// second's; others get a 429 that says how long to wait. Zero: no limit.
	RateLimit float64
	// SessionURL puts the url into answers about sessions, as the OpenAPI
	// document has it. The recipe's answer has none.
	SessionURL bool
	// SessionTTL is the life of checkout sessions. Zero: 30 min.
	SessionTTL time.Duration
	// Recipe cuts answers to creates down to the few fields that the provider's
	// recipes show.
	Recipe bool
	// KeepRequests is how many requests [Server.Requests] remembers. Zero: 1000.
	KeepRequests int
	// KeepLinks bounds how many links are remembered, and how many sessions; the
	// oldest are forgotten first, as if they had never been. Zero: no bound.
	KeepLinks int
	// Again says of which checkoutTokens another create makes another link, as a
	// provider would that has forgotten that they are taken. nil: of none.
	Again func(checkoutToken string) bool
	// Now replaces time.Now.
	Now func() time.Time
}

// Server is the sandbox. It is an http.Handler and safe for concurrent use.
type Server struct {
	opts    Options
	now     func() time.Time
	limiter *rate.Limiter
	closing chan struct{}
	close   sync.Once

	credentials credentials
	faults      faults
	book        book
	store       store
	dice        dice
}

// New makes a Server.
func New(opts Options) *Server {
	if opts.CheckoutURL == "" {
		opts.CheckoutURL = defaultCheckoutURL
	}
	opts.CheckoutURL = strings.TrimRight(opts.CheckoutURL, "/")
	if opts.TokenTTL == 0 {
		opts.TokenTTL = defaultTokenTTL
	}
	if opts.SessionTTL == 0 {
		opts.SessionTTL = defaultSessionTTL
	}
	if opts.KeepRequests <= 0 {
		opts.KeepRequests = defaultKeepRequests
	}
	s := &Server{opts: opts, now: opts.Now, closing: make(chan struct{})}
	if s.now == nil {
		s.now = time.Now
	}
	if opts.RateLimit > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(opts.RateLimit), max(1, int(opts.RateLimit)))
	}
	s.dice = dice{rate: opts.FailRate, random: rand.New(rand.NewPCG(opts.Seed, 0))} // #nosec G404 -- the same seed is to give the same faults
	s.credentials = newCredentials(opts)
	s.book = newBook(opts.KeepRequests)
	s.store = newStore(opts.KeepLinks)
	return s
}

// Close ends the calls that hang or are delayed, now and from now on; they are
// cut off. It may be called more than once.
func (s *Server) Close() { s.close.Do(func() { close(s.closing) }) }

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.parse(r)
	if c.endpoint == "" && s.serveForPeople(w, r, c) {
		return
	}
	status := 0
	entry := s.book.begin(c, s.now())
	defer func() { s.book.end(entry, status, s.now()) }()
	fault, scripted := s.faults.next(c)
	if !s.sleep(r, s.opts.Latency+fault.Delay.Duration()) {
		panic(http.ErrAbortHandler)
	}
	if !scripted {
		a := s.work(c)
		status = a.status
		a.write(w)
		return
	}
	status = s.act(w, r, c, fault)
}

// work does what the call asks for, as the provider would.
func (s *Server) work(c *call) *answer {
	failed, worked := s.dice.throw(c.endpoint)
	if failed && !worked {
		return serverError()
	}
	a := s.answer(c)
	if failed {
		return serverError()
	}
	return a
}

func (s *Server) answer(c *call) *answer {
	if a := s.gate(c); a != nil {
		return a
	}
	switch c.endpoint {
	case EndpointAuth:
		return s.auth(c)
	case EndpointCreatePaymentLink:
		return s.createLink(c)
	case EndpointListPaymentLinks:
		return s.listLinks(c)
	case EndpointGetPaymentLink:
		return s.getLink(c)
	case EndpointDeletePaymentLink:
		return s.deleteLink(c)
	case EndpointActivatePaymentLink:
		return s.activateLink(c)
	case EndpointCreateCheckoutSession:
		return s.createSession(c)
	case endpointOther:
		return fail(http.StatusNotImplemented, "42", "unimplemented", "the sandbox has no such operation")
	default:
		// Not the API's own words: a gateway would answer this.
		return &answer{status: http.StatusNotFound, body: []byte(`{"message":"no Route matched with those values"}`)}
	}
}

// sleep waits, unless the caller gives up or the server is closed.
func (s *Server) sleep(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.closing:
	}
	return false
}

// dice decides which calls fail by Options.FailRate.
type dice struct {
	rate float64

	mu     sync.Mutex
	random *rand.Rand
	fails  int
}

// throw reports whether a call fails, and then whether its work is done first.
func (d *dice) throw(endpoint string) (failed, worked bool) {
	if d.rate <= 0 || endpoint == EndpointAuth {
		return false, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.random.Float64() >= d.rate {
		return false, false
	}
	d.fails++
	return true, d.fails%2 == 0
}
