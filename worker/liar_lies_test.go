package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
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
