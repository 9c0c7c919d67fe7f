package conomytest

import (
	"fmt"
	"io"
	"net/http"
)

const maxShown = 1000

const welcome = `This is an emulator of the Conomy sandbox, not the provider's own.

It takes the provider's calls under any prefix, so use this address, with or
without /sandbox behind it, as the base URL:

  POST   /auth
  POST   /payment-links
  GET    /payment-links            ?id status destination.accountNumber
                                    customer.email owner.identityId limit offset
  GET    /payment-links/{id}
  DELETE /payment-links/{id}
  POST   /payment-links/{id}/activate
  POST   /payment-links/token/{checkoutToken}/checkout-sessions

What happened here, as JSON (the latest 1000):

  GET    /_sandbox/links
  GET    /_sandbox/sessions
  GET    /_sandbox/requests

Faults, for the next calls that match:

  POST   /_sandbox/faults
         {"match":  {"endpoint": "create_payment_link"},
          "faults": [{"status": 503, "times": 2}, {"afterWork": true, "hang": true}]}
  DELETE /_sandbox/faults
`

// serveForPeople answers what is not the API's. It reports whether there was
// anything to answer.
func (s *Server) serveForPeople(w http.ResponseWriter, r *http.Request, c *call) bool {
	if len(c.segments) == 0 {
		if r.URL.Path != "/" && r.URL.Path != "" || r.Method != http.MethodGet {
			return false
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, welcome)
		return true
	}
	if c.segments[0] != "_sandbox" {
		return false
	}
	switch {
	case c.is(http.MethodGet, "_sandbox", "links"):
		show(w, latest(s.Links()))
	case c.is(http.MethodGet, "_sandbox", "sessions"):
		show(w, latest(s.Sessions()))
	case c.is(http.MethodGet, "_sandbox", "requests"):
		show(w, latest(s.Requests()))
	case c.is(http.MethodPost, "_sandbox", "faults"):
		s.takeScript(w, r)
	case c.is(http.MethodDelete, "_sandbox", "faults"):
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "there is nothing here; see /", http.StatusNotFound)
	}
	return true
}

func latest[T any](all []T) []T { return all[max(0, len(all)-maxShown):] }

func show(w http.ResponseWriter, v any) { reply(http.StatusOK, v).write(w) }

func (s *Server) takeScript(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes))
	if err != nil {
		return
	}
	req, err := readScript(data)
	if err != nil {
		http.Error(w, fmt.Sprintf("this is no script: %v", err), http.StatusBadRequest)
		return
	}
	s.Script(req.Match, req.Faults...)
	show(w, object{"faultsLeft": s.FaultsLeft()})
}
