package conomytest

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Match chooses calls. Empty fields match everything.
type Match struct {
	Method string `json:"method,omitempty"`
	// Endpoint is one of the Endpoint constants.
	Endpoint string `json:"endpoint,omitempty"`
	// PathContains is looked for in the escaped path.
	PathContains string `json:"pathContains,omitempty"`
	// Token is the checkoutToken of the path or of the body of a create.
	Token string `json:"token,omitempty"`
}

func (m Match) matches(c *call) bool {
	return (m.Method == "" || m.Method == c.r.Method) &&
		(m.Endpoint == "" || m.Endpoint == c.endpoint) &&
		(m.Token == "" || m.Token == c.token) &&
		strings.Contains(c.r.URL.EscapedPath(), m.PathContains)
}

// Fault is what happens to one call instead of an answer. The zero value lets
// the call through, and so uses up a place in a script.
type Fault struct {
	// Status, Headers and Body are the answer. Without a Status the call is
	// answered as usual. The content type is JSON if the body begins with a
	// brace, else HTML; Headers may say otherwise.
	Status  int               `json:"status,omitempty"`
	Body    string            `json:"body,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Delay comes before anything else.
	Delay Delay `json:"delay,omitzero"`
	// AfterWork does the work first: the caller gets the fault, and the
	// provider has the link.
	AfterWork bool `json:"afterWork,omitempty"`
	// Hang keeps the call open until the caller gives up.
	Hang bool `json:"hang,omitempty"`
	// Cut closes the connection without an answer.
	Cut bool `json:"cut,omitempty"`
	// CutBody closes it in the middle of the answer's body.
	CutBody bool `json:"cutBody,omitempty"`
	// Times is for how many calls the fault stands; 0: one.
	Times int `json:"times,omitempty"`
	// Always lets it stand for all calls that come.
	Always bool `json:"always,omitempty"`
}

// Failure is a Fault with this status and the provider's usual error for it.
func Failure(status int) Fault {
	code, kind := "02", "unknown"
	switch status {
	case http.StatusBadRequest:
		code, kind = "11", "invalidParam"
	case http.StatusUnauthorized:
		code, kind = "41", "unauthorized"
	case http.StatusForbidden:
		code, kind = "43", "forbiddenOperation"
	case http.StatusNotFound:
		code, kind = "31", "notFound"
	case http.StatusConflict:
		code, kind = "13", "alreadyExist"
	case http.StatusUnprocessableEntity:
		code, kind = "21", "failedPrecondition"
	case http.StatusTooManyRequests:
		code, kind = "32", "tooManyRequests"
	case http.StatusInternalServerError:
		code, kind = "01", "serverError"
	case http.StatusNotImplemented:
		code, kind = "42", "unimplemented"
	}
	return Refusal(status, code, kind, "by script")
}

// Refusal is a Fault with an error of the provider's documented shape.
func Refusal(status int, code, kind, detail string) Fault {
	return Fault{Status: status, Body: string(errorBody(status, code, kind, detail))}
}

// Delay is a time.Duration that stands in JSON as Go writes it, like "1.5s".
type Delay time.Duration

// Duration returns d as a time.Duration.
func (d Delay) Duration() time.Duration { return time.Duration(d) }

// MarshalText implements encoding.TextMarshaler.
func (d Delay) MarshalText() ([]byte, error) { return []byte(d.Duration().String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Delay) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Delay(v)
	return err
}

// script is faults for the calls that match, in order.
type script struct {
	match  Match
	faults []Fault
}

type faults struct {
	mu      sync.Mutex
	scripts []*script
}

// Script lets calls that match fail with these faults, one after another.
// Scripts are asked in the order of their making; one that is used up is gone.
func (s *Server) Script(match Match, faults ...Fault) {
	left := make([]Fault, len(faults))
	for i, f := range faults {
		left[i] = f
		left[i].Times = max(1, f.Times)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.scripts = append(s.faults.scripts, &script{match, left})
}

// ClearFaults forgets all scripts.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.scripts = nil
}

// FaultsLeft returns for how many calls faults are still to come. One that
// stands always counts as one.
func (s *Server) FaultsLeft() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	n := 0
	for _, sc := range s.faults.scripts {
		for _, f := range sc.faults {
			n += f.Times
		}
	}
	return n
}

// next takes the fault for a call, if there is one.
func (f *faults) next(c *call) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, sc := range f.scripts {
		if len(sc.faults) == 0 || !sc.match.matches(c) {
			continue
		}
		fault := sc.faults[0]
		if !fault.Always {
			if sc.faults[0].Times--; sc.faults[0].Times == 0 {
				sc.faults = sc.faults[1:]
			}
			if len(sc.faults) == 0 {
				f.scripts = append(f.scripts[:i:i], f.scripts[i+1:]...)
			}
		}
		return fault, true
	}
	return Fault{}, false
}

// act carries a fault out and returns the status that was answered, if any.
func (s *Server) act(w http.ResponseWriter, r *http.Request, c *call, f Fault) int {
	usual := f.Status == 0 && !f.Hang && !f.Cut
	a := &answer{status: f.Status, body: []byte(f.Body), header: map[string]string{}}
	if usual || f.AfterWork {
		if done := s.work(c); usual {
			a = done
		}
	}
	if f.Status != 0 && !strings.HasPrefix(strings.TrimSpace(f.Body), "{") {
		a.header["Content-Type"] = "text/html; charset=utf-8"
	}
	for name, value := range f.Headers {
		if a.header == nil {
			a.header = map[string]string{}
		}
		a.header[name] = value
	}
	switch {
	case f.Hang:
		s.hang(r)
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.CutBody:
		a.head(w)
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	a.write(w)
	return a.status
}

// hang ends without an answer, when the caller has given up.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closing:
	}
	panic(http.ErrAbortHandler)
}

// scriptRequest is what people post to /_sandbox/faults.
type scriptRequest struct {
	Match  Match   `json:"match"`
	Faults []Fault `json:"faults"`
}

func readScript(data []byte) (scriptRequest, error) {
	var req scriptRequest
	if err := json.Unmarshal(data, &req, json.RejectUnknownMembers(true)); err != nil {
		return req, err
	}
	if len(req.Faults) == 0 {
		return req, errors.New("no faults")
	}
	if e := req.Match.Endpoint; e != "" && !slices.Contains(endpoints, e) {
		return req, errors.New("the endpoint is none of " + strings.Join(endpoints, ", "))
	}
	for _, f := range req.Faults {
		if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
			return req, errors.New("a status is not between 200 and 599")
		}
	}
	return req, nil
}
