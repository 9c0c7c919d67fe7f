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

// lie is one way in which a vendor's answer is not true: what it changes in the answer, or what it answers instead.
type lie struct {
	name    string
	change  func(answer map[string]any)
	instead http.HandlerFunc
}

func saying(name string, value any) func(map[string]any) {
	return func(answer map[string]any) { answer[name] = value }
}

// liesOfLinks must never bring a link.created with what they say.
var liesOfLinks = []lie{
	{name: "another token", change: saying("checkoutToken", "somebody-elses")},
	{name: "another token's page", change: func(a map[string]any) {
		a["checkoutToken"], a["url"] = "somebody-elses", "https://checkout.conomyhq.com/somebody-elses"
	}},
	{name: "another amount", change: func(a map[string]any) {
		a["totalAmount"] = "12.51"
		a["items"] = []any{map[string]any{"preTaxAmount": "10", "totalAmount": "12.51", "description": "Plan"}}
	}},
	{name: "an amount of a billion digits", change: func(a map[string]any) {
		a["totalAmount"] = json.Number("1e999999999")
		a["items"] = []any{map[string]any{"preTaxAmount": "10", "totalAmount": json.Number("1e999999999"), "description": "Plan"}}
	}},
	{name: "another currency", change: saying("currency", "EUR")},
	{name: "a script", change: saying("url", "javascript:alert(document.cookie)")},
	{name: "a script with a host", change: saying("url", "javascript://checkout.conomyhq.com/%0aalert(1)")},
	{name: "data", change: saying("url", "data:text/html,<script>alert(1)</script>")},
	{name: "plain http", change: saying("url", "http://checkout.conomyhq.com/t")},
	{name: "another user", change: saying("url", "https://checkout.conomyhq.com@evil.example/t")},
	{name: "two lines", change: saying("url", "https://checkout.conomyhq.com/t\r\nBcc: everybody@example.com")},
	{name: "an escape", change: saying("url", "https://checkout.conomyhq.com/\x1b]8;;https://evil.example\x07")},
	{name: "a turned address", change: saying("url", "https://checkout.conomyhq.com/\u202ekcattack")},
	{name: "no page", change: saying("url", "")},
	{name: "garbage", instead: words("%PDF-1.7\x00\xff")},
	{name: "a page", instead: words("<html><body>Welcome!</body></html>")},
	{name: "nothing", instead: words("")},
	{name: "a name twice", instead: words(`{"id":"1","checkoutToken":"?","url":"https://checkout.conomyhq.com/?","url":"https://evil.example/?"}`)},
	{name: "two answers", instead: words(`{"id":"1","checkoutToken":"?","url":"https://checkout.conomyhq.com/?"}{"url":"https://evil.example/?"}`)},
	{name: "elsewhere", instead: func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
	}},
	{name: "no end", instead: func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.WriteString(w, `{"id":"`)
		for piece := strings.Repeat("x", 32<<10); err == nil; {
			_, err = io.WriteString(w, piece)
		}
	}},
	{name: "headers without end", instead: func(w http.ResponseWriter, _ *http.Request) {
		for i := range 1000 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1000))
		}
		w.WriteHeader(http.StatusCreated)
	}},
	{name: "a byte now and then", instead: func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, " "); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}},
}

// words are an answer of the right status; each ? stands for the token.
func words(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "?", r.Header.Get(tokenHeader)))
	}
}

// tokenHeader tells a lie which token it is about.
const tokenHeader = "X-Liars-Token"

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

// liesOfSessions are about a session of a link that is known.
var liesOfSessions = []lie{
	{name: "another token", change: saying("checkoutToken", "somebody-elses")},
	{name: "another link", change: saying("paymentLinkId", "plink-somebody-elses")},
	{name: "another amount", change: saying("totalAmount", "1.00")},
	{name: "another currency", change: saying("currency", "EUR")},
	{name: "a script", change: saying("url", "javascript:alert(1)")},
	{name: "plain http", change: saying("url", "http://checkout.conomyhq.com/t")},
	{name: "garbage", instead: words("\x00\x01")},
	{name: "a name twice", instead: words(`{"id":"1","id":"2","checkoutToken":"?"}`)},
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
