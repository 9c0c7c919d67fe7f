package conomytest

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Link is a payment link of the sandbox.
type Link struct {
	ID            string    `json:"id"`
	CheckoutToken string    `json:"checkoutToken"`
	Status        string    `json:"status"`
	URL           string    `json:"url"`
	Currency      string    `json:"currency"`
	TotalAmount   string    `json:"totalAmount"`
	CreatedAt     time.Time `json:"createdAt"`
	ExpiresAt     time.Time `json:"expiresAt"`
	// Sessions is how many sessions were made from it.
	Sessions int `json:"sessions"`
	// Request holds the known fields of the create, as JSON.
	Request jsontext.Value `json:"request"`
}

// Session is a checkout session of the sandbox.
type Session struct {
	ID            string    `json:"id"`
	PaymentLinkID string    `json:"paymentLinkId"`
	CheckoutToken string    `json:"checkoutToken"`
	URL           string    `json:"url"`
	CreatedAt     time.Time `json:"createdAt"`
	ExpiresAt     time.Time `json:"expiresAt"`
	// Customer is the payer of the request, as JSON; null for none.
	Customer jsontext.Value `json:"customer"`
}

// Links returns the links that exist, the oldest first.
func (s *Server) Links() []Link {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	now := s.now()
	links := make([]Link, 0, s.store.links.len())
	for _, l := range s.store.links.items {
		if l != nil {
			links = append(links, s.linkOf(l, now))
		}
	}
	return links
}

// Link returns the link with this checkoutToken.
func (s *Server) Link(checkoutToken string) (Link, bool) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	l := s.store.byToken[checkoutToken]
	if l == nil {
		return Link{}, false
	}
	return s.linkOf(l, s.now()), true
}

func (s *Server) linkOf(l *link, now time.Time) Link {
	var known object
	_ = json.Unmarshal(l.request, &known) // written by createLink
	currency, _ := known["currency"].(string)
	return Link{
		ID: l.id(), CheckoutToken: l.token, Status: l.statusAt(now), URL: s.hostedURL(l.token),
		Currency: currency, TotalAmount: sum(known["items"], "totalAmount"),
		CreatedAt: l.createdAt, ExpiresAt: l.expiresAt(), Sessions: l.sessions,
		Request: jsontext.Value(l.request).Clone(),
	}
}

// Sessions returns the sessions that were made, the oldest first.
func (s *Server) Sessions() []Session {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	sessions := make([]Session, 0, s.store.sessions.len())
	for _, one := range s.store.sessions.items {
		v := Session{
			ID: one.id(), CheckoutToken: one.token, CreatedAt: one.createdAt, ExpiresAt: one.expiresAt,
			PaymentLinkID: (&link{number: one.link}).id(), URL: s.hostedURL(one.token),
			Customer: jsontext.Value(one.customer).Clone(),
		}
		if s.opts.SessionURL {
			v.URL = s.sessionURL(one)
		}
		sessions = append(sessions, v)
	}
	return sessions
}

// SetStatus puts a link into another state, as payers and operators would, and
// reports whether there is one with this checkoutToken.
func (s *Server) SetStatus(checkoutToken, status string) bool {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	l := s.store.byToken[checkoutToken]
	if l != nil {
		l.status = status
	}
	return l != nil
}
