package conomy

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// earliestLead and lateShare say when a token is refreshed: at 80 % of its
	// life, or five minutes before its end, whichever is later.
	earliestLead = 5 * time.Minute
	lateShare    = 0.8
	// deadShare is the end of its life in which a token is not used any more:
	// it has to arrive while it is valid. At most deadMax.
	deadShare = 0.05
	deadMax   = 5 * time.Second
	// A failed refresh is not repeated before a part of the token's life.
	retryShare = 0.05
	retryMax   = 30 * time.Second
	// defaultLife is taken where the provider does not say how long a token
	// lives; maxLife bounds what it says.
	defaultLife = 5 * time.Minute
	maxLife     = 30 * 24 * time.Hour
)

// grant is what one exchange is made with.
type grant struct {
	creds     Credentials
	token     string
	readyMade bool
}

// accessToken is a token with its times.
type accessToken struct {
	value                string
	refreshAt, notBefore time.Time // refresh from when on; not again before
	end                  time.Time // not used from then on
	life                 time.Duration
}

// newAccessToken reckons a token's times from when it was asked for, so that a
// slow answer does not make it live longer.
func newAccessToken(value string, life time.Duration, asked time.Time) *accessToken {
	late := time.Duration(float64(life) * lateShare)
	dead := min(time.Duration(float64(life)*deadShare), deadMax)
	return &accessToken{
		value:     value,
		refreshAt: asked.Add(max(late, life-earliestLead)),
		end:       asked.Add(life - dead),
		life:      life,
	}
}

// fetch asks the provider for a token.
type fetch func(ctx context.Context, creds Credentials) (*accessToken, error)

// tokens holds the one access token and sees to it that there is one refresh
// at a time. While the old token is valid, callers go on with it; the refresh
// runs beside them. It belongs to no caller, so none can cancel it.
type tokens struct {
	fetch fetch
	now   func() time.Time

	mu      sync.Mutex
	creds   Credentials
	current *accessToken
	flight  *flight              // the one whose result will be taken
	flights map[*flight]struct{} // that one, and those with credentials of before
}

// flight is a refresh under way. token and err stand once done is closed.
type flight struct {
	cancel context.CancelFunc
	done   chan struct{}
	stale  bool // guarded by tokens.mu
	token  *accessToken
	err    error
}

func newTokens(f fetch, creds Credentials, now func() time.Time) *tokens {
	return &tokens{fetch: f, creds: creds, now: now, flights: map[*flight]struct{}{}}
}

// set replaces the credentials. Who waits for a refresh with the old ones will
// ask again.
func (t *tokens) set(creds Credentials) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for f := range t.flights {
		f.stale = true
		f.cancel()
	}
	t.creds, t.current, t.flight = creds, nil, nil
}

// close ends refreshes under way and waits for their end.
func (t *tokens) close() {
	t.mu.Lock()
	under := make([]*flight, 0, len(t.flights))
	for f := range t.flights {
		under = append(under, f)
	}
	t.mu.Unlock()
	for _, f := range under {
		f.cancel()
		<-f.done
	}
}

// get returns what a call is to be made with, waiting for a token where there
// is none.
func (t *tokens) get(ctx context.Context) (grant, error) {
	for {
		g, wait, err := t.next()
		if wait == nil {
			return g, err
		}
		select {
		case <-ctx.Done():
			return grant{}, transportError(ctx, EndpointAuth, 0, false, ctx.Err(), &masker{})
		case <-wait.done:
		}
		if t.isStale(wait) {
			continue
		}
		if wait.err != nil {
			return grant{}, wait.err
		}
		g.token = wait.token.value
		return g, nil
	}
}

// next returns a grant that can be used at once, or one that lacks its token
// and the flight that will bring it.
func (t *tokens) next() (grant, *flight, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := grant{creds: t.creds}
	if err := t.creds.Validate(); err != nil {
		return g, nil, &Error{Endpoint: EndpointAuth, Kind: KindUnauthorized, text: err.Error(), err: err}
	}
	if t.creds.AccessToken != "" {
		g.token, g.readyMade = t.creds.AccessToken, true
		return g, nil, nil
	}
	now, tok := t.now(), t.current
	if tok == nil || !now.Before(tok.end) {
		return g, t.launch(), nil
	}
	if !now.Before(tok.refreshAt) && !now.Before(tok.notBefore) {
		t.launch()
	}
	g.token = tok.value
	return g, nil, nil
}

// launch returns the flight under way, starting one where there is none. t.mu
// is held.
func (t *tokens) launch() *flight {
	if t.flight != nil {
		return t.flight
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &flight{cancel: cancel, done: make(chan struct{})}
	t.flight = f
	t.flights[f] = struct{}{}
	go t.fly(ctx, f, t.creds)
	return f
}

// fly carries a flight out; fetch bounds its time.
func (t *tokens) fly(ctx context.Context, f *flight, creds Credentials) {
	defer close(f.done)
	defer f.cancel()
	f.token, f.err = t.fetch(ctx, creds)

	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.flights, f)
	if f.stale {
		return
	}
	t.flight = nil
	switch {
	case f.err == nil:
		t.current = f.token
	case t.current != nil:
		// No fault yet: the old token is good for a while.
		t.current.notBefore = t.now().Add(retryPause(t.current.life, f.err))
	}
}

// retryPause is how long a failed refresh ahead of expiry is not repeated.
func retryPause(life time.Duration, err error) time.Duration {
	pause := min(time.Duration(float64(life)*retryShare), retryMax)
	var e *Error
	if errors.As(err, &e) {
		pause = max(pause, e.RetryAfter)
	}
	return pause
}

func (t *tokens) isStale(f *flight) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return f.stale
}

// invalidate drops the token that was refused, unless another one has taken its
// place by now.
func (t *tokens) invalidate(g grant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil && t.current.value == g.token {
		t.current = nil
	}
}
