package conomytest

import (
	"maps"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
)

// createSession is POST /payment-links/token/{checkoutToken}/checkout-sessions.
func (s *Server) createSession(c *call) *answer {
	if a := checkCustomer(c.body); a != nil {
		return a
	}
	customer, err := json.Marshal(c.body["customer"], json.Deterministic(true))
	if err != nil {
		return serverError()
	}
	st := &s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	now := s.now()
	l := st.byToken[c.token]
	if l == nil {
		return notFound("payment link")
	}
	if status := l.statusAt(now); status == StatusExpired || status == StatusFinished {
		return wrongState("the payment link is " + status)
	}
	one := &session{link: l.number, token: l.token, createdAt: now, expiresAt: now.Add(s.opts.SessionTTL), customer: customer}
	one.number = st.sessions.push(one)
	for st.keep > 0 && st.sessions.len() > st.keep {
		st.sessions.shift()
	}
	l.sessions++
	return reply(http.StatusCreated, s.describeSession(l, one, c.body["customer"], now))
}

// describeSession is a session as the OpenAPI document has it, or as the recipe
// shows it.
func (s *Server) describeSession(l *link, one *session, customer any, now time.Time) object {
	o := object{
		"id": one.id(), "checkoutToken": l.token, "status": "PENDING",
		"expiresAt": one.expiresAt.UTC().Format(time.RFC3339Nano),
	}
	if s.opts.SessionURL {
		o["url"] = s.sessionURL(one)
	}
	if s.opts.Recipe {
		return o
	}
	full := s.render(l, now)
	url := o["url"]
	maps.DeleteFunc(full, func(name string, _ any) bool {
		return name == "url" || name == "duration" || name == "successUrl" || name == "failedUrl"
	})
	merge(full, o)
	full["status"], full["paymentLinkId"] = StatusAttempt, l.id()
	full["createdAt"] = one.createdAt.UTC().Format(time.RFC3339Nano)
	full["paymentConfigs"] = []any{}
	merge(full, object{"customer": customer, "url": url})
	return full
}

func (s *Server) sessionURL(one *session) string {
	return s.hostedURL(one.token) + "?session=" + one.id()
}
