package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// liar stands before the vendor. The work is done; what is told of it is not true.
type liar struct {
	vendor http.Handler
	lies   map[string]lie // by checkoutToken
	once   bool           // and is honest from then on

	mu   sync.Mutex
	told map[string]bool
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	honest := httptest.NewRecorder()
	l.vendor.ServeHTTP(honest, r)
	token := tokenAsked(r, body)
	var answer map[string]any
	if token == "" && !l.once && json.Unmarshal(honest.Body.Bytes(), &answer) == nil {
		l.lieOfMany(answer)
		writeAnswer(w, honest.Code, answer)
		return
	}
	lie, ok := l.lieFor(token)
	switch {
	case !ok || honest.Code != http.StatusCreated:
		w.WriteHeader(honest.Code)
		_, _ = w.Write(honest.Body.Bytes())
	case lie.instead != nil:
		r.Header.Set(tokenHeader, token)
		lie.instead(w, r)
	case json.Unmarshal(honest.Body.Bytes(), &answer) == nil:
		lie.change(answer)
		writeAnswer(w, honest.Code, answer)
	}
}

func tokenAsked(r *http.Request, body []byte) string {
	if _, rest, found := strings.Cut(r.URL.Path, "/payment-links/token/"); found {
		return strings.TrimSuffix(rest, "/checkout-sessions")
	}
	var asked struct {
		CheckoutToken string `json:"checkoutToken"`
	}
	_ = json.Unmarshal(body, &asked) // of a list there is none
	return asked.CheckoutToken
}

func (l *liar) lieFor(token string) (lie, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lie, ok := l.lies[token]
	if !ok || l.once && l.told[token] {
		return lie, false
	}
	l.told[token] = true
	return lie, true
}

// lieOfMany changes each link on a page. A link for which the vendor had other words is left out.
func (l *liar) lieOfMany(answer map[string]any) {
	results, _ := answer["results"].([]any)
	kept := results[:0]
	for _, entry := range results {
		link := entry.(map[string]any)
		token, _ := link["checkoutToken"].(string)
		if lie, ok := l.lieFor(token); ok {
			if lie.change == nil {
				continue
			}
			lie.change(link)
		}
		kept = append(kept, link)
	}
	if answer["results"] != nil {
		answer["results"] = kept
	}
}

func writeAnswer(w http.ResponseWriter, status int, answer map[string]any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // who gives up early is the client
}

// listen puts a liar before the world's vendor, behind TLS.
func (w *world) listen(l *liar) {
	l.vendor, l.told = w.vendor, map[string]bool{}
	server := httptest.NewTLSServer(l)
	w.t.Cleanup(server.Close)
	w.vendorURL, w.transport = server.URL+"/sandbox", server.Client().Transport
}

func liesByToken(lies []lie) map[string]lie {
	byToken := map[string]lie{}
	for i, lie := range lies {
		byToken[fmt.Sprintf("lie-%d", i)] = lie
	}
	return byToken
}

// TestVendorThatLies: a lie that stays brings a dead letter and never a link.created.
func TestVendorThatLies(t *testing.T) {
	each(t, func(w *world) {
		lies := liesByToken(liesOfLinks)
		w.listen(&liar{lies: lies})
		w.ready()
		for token := range lies {
			w.invoice(token)
		}
		w.invoice("honest")
		w.start(nil)
		w.settled()
		w.count(len(lies)+1, 0, 1, len(lies))
		if w.created()["honest"] == nil {
			w.t.Error("the honest answer brought nothing")
		}
		for _, l := range w.letters() {
			if l.Reason != deadletter.ReasonExhausted && l.Reason != deadletter.ReasonConflict {
				w.t.Errorf("%s: %s: %s", lies[l.Token].name, l.Reason, l.Detail)
			}
		}
	})
}

// TestVendorThatLiesOnce: the next word is heard, and the link is told of as it is.
func TestVendorThatLiesOnce(t *testing.T) {
	each(t, func(w *world) {
		lies := liesByToken(liesOfLinks)
		w.listen(&liar{lies: lies, once: true})
		w.ready()
		for token := range lies {
			w.invoice(token)
		}
		w.start(nil)
		w.settled()
		w.count(len(lies), 0, len(lies), 0)
		for token, told := range w.created() {
			if want := "https://checkout.conomyhq.com/" + token; told[0].URL != want || told[0].Amount != "12.5" || told[0].Currency != "USD" {
				w.t.Errorf("%s: %+v", lies[token].name, told[0])
			}
		}
	})
}

func TestVendorThatLiesAboutSessions(t *testing.T) {
	each(t, func(w *world) {
		lies := liesByToken(liesOfSessions)
		liar := &liar{lies: map[string]lie{}}
		w.listen(liar)
		w.start(nil)
		for token := range lies {
			w.invoice(token)
		}
		w.settled()
		w.count(len(lies), 0, len(lies), 0)
		liar.mu.Lock()
		liar.lies = lies
		liar.mu.Unlock()
		for token := range lies {
			w.session(token, "r")
		}
		w.settled()
		w.count(len(lies), len(lies)*w.settings.Retry.Attempts, len(lies), len(lies))
		for _, l := range w.letters() {
			if l.Reason != deadletter.ReasonExhausted || l.Attempts != w.settings.Retry.Attempts {
				w.t.Errorf("%s: %+v", lies[l.Token].name, l)
			}
		}
	})
}

// TestTimesWithoutSense: what an answer says of its time may be nonsense, and the link is good all the same.
func TestTimesWithoutSense(t *testing.T) {
	each(t, func(w *world) {
		lies := liesByToken([]lie{
			{name: "the last second", change: saying("createdAt", "9999-12-31T23:59:59Z")},
			{name: "after the last second", change: saying("createdAt", "9999-12-31T23:59:59-23:00")},
			{name: "before the first", change: saying("createdAt", "0000-01-01T00:00:00+23:00")},
			{name: "a long life", change: saying("duration", 9e15)},
			{name: "no life", change: saying("duration", -5)},
			{name: "words", change: func(a map[string]any) { a["createdAt"], a["duration"] = "soon", "long" }},
		})
		w.listen(&liar{lies: lies})
		w.ready()
		for token := range lies {
			w.invoice(token)
		}
		w.start(nil)
		w.settled()
		w.count(len(lies), 0, len(lies), 0)
		for token, told := range w.created() {
			life := told[0].ExpiresAt.Sub(told[0].CreatedAt)
			if !told[0].ExpiresAt.IsZero() && life != time.Hour {
				w.t.Errorf("%s: %+v", lies[token].name, told[0])
			}
		}
	})
}

// TestRetryAfterWithoutEnd: no answer stops the worker for longer than five minutes.
func TestRetryAfterWithoutEnd(t *testing.T) {
	for _, value := range []string{"99999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "86400"} {
		t.Run(value, func(t *testing.T) {
			each(t, func(w *world) {
				w.script(create, conomytest.Fault{Status: http.StatusTooManyRequests, Headers: map[string]string{"Retry-After": value}})
				r := w.start(nil)
				w.invoice("inv-1")
				w.eventually("all calls wait", func() bool { return r.turnstile.held() > time.Minute })
				if held := r.turnstile.held(); held > 5*time.Minute {
					w.t.Errorf("all calls wait for %v", held)
				}
				r.halt()
				w.count(0, 0, 0, 0)
				w.start(nil) // which knows nothing of the hold
				w.settled()
				w.count(1, 0, 1, 0)
			})
		})
	}
}
