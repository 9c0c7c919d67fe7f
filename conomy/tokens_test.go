package conomy_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

// bubble makes an emulator and a client without a network between them, for
// synthetic time.
func bubble(t *testing.T, opts conomytest.Options, cfg conomy.Config) (*conomytest.Server, *conomy.Client) {
	t.Helper()
	box := conomytest.New(opts)
	t.Cleanup(box.Close)
	cfg.BaseURL, cfg.Transport = "https://api.example.com/sandbox", handlerTransport{box}
	return box, newClient(t, cfg)
}

func list(t *testing.T, c *conomy.Client) {
	t.Helper()
	if _, err := c.ListPaymentLinks(context.Background(), conomy.PaymentLinkFilter{}); err != nil {
		t.Fatal(err)
	}
}

// unauthorizedAnswers counts calls that were made with a bad token.
func unauthorizedAnswers(box *conomytest.Server) (n int) {
	for _, r := range box.Requests() {
		if r.Status == http.StatusUnauthorized {
			n++
		}
	}
	return n
}

func TestOneTokenForManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, client := bubble(t, conomytest.Options{Latency: time.Second}, conomy.Config{})
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() { list(t, client) })
		}
		all.Wait()
		if box.AuthCalls() != 1 || box.Calls(conomytest.EndpointListPaymentLinks) != 200 {
			t.Errorf("%d auth calls", box.AuthCalls())
		}
	})
}

// TestRefreshAheadOfExpiry: with any life of a token, calls that never pause
// never meet an expired one, nor wait for the new one.
func TestRefreshAheadOfExpiry(t *testing.T) {
	for _, life := range []time.Duration{2 * time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box, client := bubble(t, conomytest.Options{TokenTTL: life}, conomy.Config{})
				list(t, client)
				slow := conomytest.Fault{Always: true, Delay: conomytest.Delay(min(life/100, 5*time.Second))}
				box.Script(conomytest.Match{Endpoint: conomytest.EndpointAuth}, slow)
				start := time.Now()
				for time.Since(start) < 3*life {
					before := time.Now()
					list(t, client)
					if waited := time.Since(before); waited != 0 {
						t.Fatalf("a call waited %v for its token", waited)
					}
					time.Sleep(min(life/200, time.Minute))
				}
				synctest.Wait()
				if n := unauthorizedAnswers(box); n != 0 {
					t.Errorf("%d calls with an expired token", n)
				}
				if n := box.AuthCalls(); n < 3 || n > 5 {
					t.Errorf("%d auth calls in three lives", n)
				}
			})
		})
	}
}

func TestRefreshTime(t *testing.T) {
	for life, at := range map[time.Duration]time.Duration{
		24 * time.Hour:   24*time.Hour - 5*time.Minute,
		10 * time.Minute: 8 * time.Minute,
		2 * time.Second:  1600 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			box, client := bubble(t, conomytest.Options{TokenTTL: life}, conomy.Config{})
			list(t, client)
			time.Sleep(at - time.Millisecond)
			list(t, client)
			synctest.Wait()
			if box.AuthCalls() != 1 {
				t.Errorf("life %v: refreshed early", life)
			}
			time.Sleep(time.Millisecond)
			list(t, client)
			synctest.Wait()
			if box.AuthCalls() != 2 {
				t.Errorf("life %v: not refreshed", life)
			}
		})
	}
}

// TestIdleClient: after a long silence the token is renewed before the call.
func TestIdleClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, client := bubble(t, conomytest.Options{TokenTTL: time.Minute}, conomy.Config{})
		list(t, client)
		time.Sleep(time.Hour)
		list(t, client)
		if box.AuthCalls() != 2 || unauthorizedAnswers(box) != 0 {
			t.Errorf("%d auth calls, %d refused", box.AuthCalls(), unauthorizedAnswers(box))
		}
	})
}

// TestFailingRefresh: no call fails for it while the old token is good, and the
// provider is not stormed.
func TestFailingRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, client := bubble(t, conomytest.Options{TokenTTL: 100 * time.Minute}, conomy.Config{})
		list(t, client)
		box.Script(conomytest.Match{Endpoint: conomytest.EndpointAuth}, conomytest.Fault{Status: 502, Always: true})
		time.Sleep(95 * time.Minute)
		for range 290 {
			list(t, client)
			synctest.Wait()
			time.Sleep(time.Second)
		}
		if n := box.AuthCalls(); n != 1+10 {
			t.Errorf("%d auth calls, want the first and one each 30 s", n)
		}
		time.Sleep(10 * time.Second)
		_, err := client.ListPaymentLinks(context.Background(), conomy.PaymentLinkFilter{})
		e := wantError(t, err, verdict{conomy.KindStatus, false, true, false})
		if e.Endpoint != conomy.EndpointAuth || e.Status != 502 {
			t.Errorf("got %v", e)
		}
		box.ClearFaults()
		list(t, client)
	})
}

func TestRefreshIsNobodysOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, client := bubble(t, conomytest.Options{Latency: 5 * time.Second}, conomy.Config{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := client.CreatePaymentLink(ctx, linkRequest("t"))
		e := wantError(t, err, notSent)
		if e.Endpoint != conomy.EndpointAuth || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		list(t, client)
		if box.AuthCalls() != 1 {
			t.Errorf("%d auth calls: the refresh ended with the one who wanted it", box.AuthCalls())
		}
	})
}

func TestRevokedToken(t *testing.T) {
	box, client := sandbox(t, conomytest.Options{}, conomy.Config{})
	list(t, client)
	box.RevokeTokens()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { list(t, client) })
	}
	all.Wait()
	if box.AuthCalls() != 2 {
		t.Errorf("%d auth calls", box.AuthCalls())
	}
	if left := box.Calls(conomytest.EndpointListPaymentLinks) - 51 - unauthorizedAnswers(box); left != 0 {
		t.Errorf("%d calls too many", left)
	}
}

func TestRefusedTwice(t *testing.T) {
	box, client := sandbox(t, conomytest.Options{}, conomy.Config{})
	refusal := conomytest.Failure(http.StatusUnauthorized)
	refusal.Always = true
	box.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}, refusal)
	_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
	wantError(t, err, verdict{conomy.KindUnauthorized, true, false, false})
	if box.AuthCalls() != 2 || box.Creates("t") != 2 {
		t.Errorf("%d auth calls, %d creates", box.AuthCalls(), box.Creates("t"))
	}
	// The token that was refused is not kept.
	if err := client.Authenticate(context.Background()); err != nil || box.AuthCalls() != 3 {
		t.Errorf("%v, %d auth calls", err, box.AuthCalls())
	}
}

func TestReadyMadeToken(t *testing.T) {
	box, client := sandbox(t, conomytest.Options{AccessToken: "own"}, conomy.Config{
		Credentials: conomy.Credentials{APIKey: testKey, AccessToken: "own"},
	})
	create(t, client, "t")
	client.SetCredentials(conomy.Credentials{APIKey: testKey, AccessToken: "stale"})
	if err := client.Authenticate(context.Background()); err != nil {
		t.Error(err)
	}
	_, err := client.CreatePaymentLink(context.Background(), linkRequest("u"))
	wantError(t, err, verdict{conomy.KindUnauthorized, true, false, false})
	if box.AuthCalls() != 0 || box.Creates("u") != 1 {
		t.Errorf("%d auth calls, %d creates", box.AuthCalls(), box.Creates("u"))
	}
}

func TestAuthAnswers(t *testing.T) {
	refused := verdict{conomy.KindUnauthorized, false, false, false}
	documented := verdict{conomy.KindUnauthorized, true, false, false}
	moment := verdict{conomy.KindStatus, false, true, false}
	nonsense := verdict{conomy.KindNonsense, false, true, false}
	tests := map[string]struct {
		fault conomytest.Fault
		want  verdict
	}{
		"400":            {conomytest.Fault{Status: 400}, refused},
		"401":            {conomytest.Failure(401), documented},
		"403":            {conomytest.Fault{Status: 403, Body: html}, refused},
		"404":            {conomytest.Failure(404), documented},
		"422":            {conomytest.Failure(422), documented},
		"501":            {conomytest.Failure(501), documented},
		"408":            {conomytest.Fault{Status: 408}, moment},
		"429":            {conomytest.Fault{Status: 429}, moment},
		"500":            {conomytest.Failure(500), verdict{conomy.KindStatus, true, true, false}},
		"503":            {conomytest.Fault{Status: 503}, moment},
		"redirect":       {conomytest.Fault{Status: 302}, nonsense},
		"html":           {conomytest.Fault{Status: 200, Body: html}, nonsense},
		"no token":       {conomytest.Fault{Status: 200, Body: `{"expiresIn":1}`}, nonsense},
		"token unfit":    {conomytest.Fault{Status: 200, Body: `{"accessToken":"a\nb"}`}, nonsense},
		"expired":        {conomytest.Fault{Status: 200, Body: `{"accessToken":"a","expiresIn":0}`}, nonsense},
		"expiry rubbish": {conomytest.Fault{Status: 200, Body: `{"accessToken":"a","expiresIn":"NaN"}`}, nonsense},
		"cut":            {conomytest.Fault{Cut: true}, notSent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			box, client := sandbox(t, conomytest.Options{}, conomy.Config{})
			box.Script(conomytest.Match{Endpoint: conomytest.EndpointAuth}, tt.fault)
			_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
			if e := wantError(t, err, tt.want); e.Endpoint != conomy.EndpointAuth {
				t.Errorf("endpoint %s", e.Endpoint)
			}
			create(t, client, "t") // the fault does not stick
		})
	}
}

func TestExpiresInForms(t *testing.T) {
	for _, form := range []string{`"3600"`, `3600.5`, `1e300`, `null`} {
		synctest.Test(t, func(t *testing.T) {
			box, client := bubble(t, conomytest.Options{AccessToken: "own"}, conomy.Config{})
			box.Script(conomytest.Match{Endpoint: conomytest.EndpointAuth},
				conomytest.Fault{Status: 200, Body: `{"accessToken":"own","expiresIn":` + form + `}`})
			list(t, client)
			time.Sleep(time.Minute)
			list(t, client)
			if box.AuthCalls() != 1 {
				t.Errorf("%s: %d auth calls", form, box.AuthCalls())
			}
		})
	}
}

// TestNewCredentials: calls that wait for a token of the old ones go on with the
// new ones.
func TestNewCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, client := bubble(t, conomytest.Options{APIKey: testKey, ClientID: testID, ClientSecret: testSecret}, conomy.Config{
			Credentials: conomy.Credentials{APIKey: testKey, ClientID: testID, ClientSecret: "wrong"},
		})
		if err := client.Authenticate(context.Background()); err == nil {
			t.Fatal("a wrong secret was taken")
		}
		box.Script(conomytest.Match{Endpoint: conomytest.EndpointAuth}, conomytest.Fault{Delay: conomytest.Delay(time.Second)})
		result := make(chan error, 1)
		go func() { result <- client.Authenticate(context.Background()) }()
		synctest.Wait()
		client.SetCredentials(testCredentials)
		if err := <-result; err != nil {
			t.Error(err)
		}
		list(t, client)
		if box.AuthCalls() != 3 {
			t.Errorf("%d auth calls", box.AuthCalls())
		}
	})
}

func TestUnusableCredentials(t *testing.T) {
	box, client := sandbox(t, conomytest.Options{}, conomy.Config{})
	for _, creds := range []conomy.Credentials{
		{},
		{APIKey: "k"},
		{APIKey: "k", ClientID: "only"},
		{APIKey: "k\nX-Other: 1", AccessToken: "t"},
		{APIKey: "k", AccessToken: "t\x00"},
		{APIKey: "k", ClientID: "\xff", ClientSecret: "s"},
	} {
		client.SetCredentials(creds)
		_, err := client.CreatePaymentLink(context.Background(), linkRequest("t"))
		wantError(t, err, verdict{conomy.KindUnauthorized, false, false, false})
	}
	if n := len(box.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// TestCloseEndsRefresh: goleak would find what it left behind.
func TestCloseEndsRefresh(t *testing.T) {
	box, client := sandbox(t, conomytest.Options{}, conomy.Config{})
	box.Script(conomytest.Match{Endpoint: conomytest.EndpointAuth}, conomytest.Fault{Hang: true})
	ctx, cancel := context.WithCancel(context.Background())
	var ended atomic.Bool
	var all sync.WaitGroup
	all.Go(func() { _ = client.Authenticate(ctx); ended.Store(true) })
	waitFor(t, func() bool { return box.AuthCalls() == 1 })
	cancel()
	all.Wait()
	client.Close()
	if !ended.Load() {
		t.Error("the caller still waits")
	}
	create(t, client, "t")
}
