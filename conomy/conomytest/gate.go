package conomytest

import (
	"encoding/hex"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const apiVersion = "24-04-2025"

// gate refuses a call for its credentials, its rate, its headers or its body's
// syntax. It returns nil for one that may pass.
func (s *Server) gate(c *call) *answer {
	if c.endpoint == "" {
		return nil
	}
	if !s.credentials.acceptKey(c.r.Header.Get("x-api-key")) {
		return unauthorized("the API key is not known")
	}
	if c.endpoint != EndpointAuth {
		token, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
		if !ok || !s.credentials.acceptToken(token, s.now()) {
			return unauthorized("the access token is not valid")
		}
		if a := s.limit(); a != nil {
			return a
		}
	}
	if a := checkHeaders(c.r.Header); a != nil {
		return a
	}
	if c.r.Method == http.MethodPost {
		return checkBody(c)
	}
	return nil
}

func checkHeaders(h http.Header) *answer {
	switch {
	case h.Get("User-Agent") == "":
		return missing("header User-Agent")
	case !strings.Contains(h.Get("User-Agent"), "/"):
		return invalid("header User-Agent", "is not Name/Version")
	case h.Get("conomyhq-api-version") == "":
		return missing("header conomyhq-api-version")
	case h.Get("conomyhq-api-version") != apiVersion:
		return invalid("header conomyhq-api-version", "is not "+apiVersion)
	case h.Get("Accept") == "":
		return missing("header Accept")
	case !strings.Contains(h.Get("Accept"), "application/json") && !strings.Contains(h.Get("Accept"), "*/*"):
		return invalid("header Accept", "does not take application/json")
	}
	return nil
}

func checkBody(c *call) *answer {
	if c.endpoint != EndpointActivatePaymentLink || c.r.ContentLength != 0 {
		kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" {
			return invalid("header Content-Type", "is not application/json")
		}
	}
	if c.bodyErr != nil {
		return fail(http.StatusBadRequest, "14", "parsingResource", "the body is not a JSON object")
	}
	return nil
}

func unauthorized(detail string) *answer {
	return fail(http.StatusUnauthorized, "41", "unauthorized", detail)
}

// limit applies Options.RateLimit.
func (s *Server) limit() *answer {
	if s.limiter == nil {
		return nil
	}
	now := s.now()
	place := s.limiter.ReserveN(now, 1)
	wait := place.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	place.CancelAt(now)
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	a := fail(http.StatusTooManyRequests, "32", "tooManyRequests", "too many requests")
	a.header = map[string]string{
		"Retry-After":           seconds,
		"X-RateLimit-Limit":     strconv.FormatFloat(s.opts.RateLimit, 'f', -1, 64),
		"X-RateLimit-Reset":     strconv.FormatInt(now.Add(wait).Unix()+1, 10),
		"X-RateLimit-Remaining": "0",
	}
	return a
}

// credentials are what clients must present, and the tokens handed out.
type credentials struct {
	mu                   sync.Mutex
	key, id, secret, own string
	ttl                  time.Duration
	tokens               map[string]time.Time // until when
}

func newCredentials(o Options) credentials {
	return credentials{
		key: o.APIKey, id: o.ClientID, secret: o.ClientSecret, own: o.AccessToken,
		ttl: o.TokenTTL, tokens: map[string]time.Time{},
	}
}

// SetCredentials changes what clients must present from now on, "" for anything,
// and makes all access tokens invalid.
func (s *Server) SetCredentials(apiKey, clientID, clientSecret string) {
	c := &s.credentials
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key, c.id, c.secret, c.own = apiKey, clientID, clientSecret, ""
	clear(c.tokens)
}

// RevokeTokens makes the access tokens invalid that were handed out so far.
func (s *Server) RevokeTokens() {
	s.credentials.mu.Lock()
	defer s.credentials.mu.Unlock()
	clear(s.credentials.tokens)
}

func (c *credentials) acceptKey(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return accepts(c.key, key)
}

func (c *credentials) acceptToken(token string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own != "" && token == c.own {
		return true
	}
	end, ok := c.tokens[token]
	return ok && now.Before(end)
}

// issue returns a new token, "" when the client is not known.
func (c *credentials) issue(id, secret string, now time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !accepts(c.id, id) || !accepts(c.secret, secret) {
		return ""
	}
	for token, end := range c.tokens {
		if !now.Before(end) {
			delete(c.tokens, token)
		}
	}
	token := "sandbox-" + hex.EncodeToString(randomBytes(16))
	c.tokens[token] = now.Add(c.ttl)
	return token
}

func accepts(want, got string) bool { return got != "" && (want == "" || want == got) }

// auth is POST /auth.
func (s *Server) auth(c *call) *answer {
	id, a := text(c.body, "clientId", "clientId", true)
	if a != nil {
		return a
	}
	secret, a := text(c.body, "clientSecret", "clientSecret", true)
	if a != nil {
		return a
	}
	token := s.credentials.issue(id, secret, s.now())
	if token == "" {
		return unauthorized("the client is not known")
	}
	return reply(http.StatusOK, object{
		"accessToken": token, "tokenType": "Bearer", "expiresIn": s.opts.TokenTTL.Seconds(),
	})
}
