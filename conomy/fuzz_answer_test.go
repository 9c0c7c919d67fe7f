package conomy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// said is a provider that answers each call with the same body.
type said struct {
	status int
	body   []byte
	sent   []*http.Request
}

func (s *said) RoundTrip(r *http.Request) (*http.Response, error) {
	s.sent = append(s.sent, r)
	return &http.Response{StatusCode: s.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(s.body)), Request: r}, nil
}

const fuzzSecret, fuzzPayer = "s3cr3t-0815", "jane.q@example.com"

func fuzzClient(t *testing.T, s *said, token string) *Client {
	t.Helper()
	creds := Credentials{APIKey: "key-4711", ClientID: "client-1", ClientSecret: fuzzSecret}
	if token != "" {
		creds = Credentials{APIKey: "key-4711", AccessToken: token}
	}
	c, err := New(Config{BaseURL: "https://api.example.com/sandbox", Credentials: creds, UserAgent: "fuzz/1", Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// tellsCleanly holds an error to what every error keeps.
func tellsCleanly(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("an error of another type: %v", err)
	}
	text := err.Error()
	switch {
	case len(text) > 1500:
		t.Errorf("too long: %q", text)
	case strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text):
		t.Errorf("unclean: %q", text)
	case strings.Contains(text, fuzzSecret) || strings.Contains(text, fuzzPayer):
		t.Errorf("leaks: %q", text)
	}
}

// fit says that words of an answer may go on into stores, headers and logs.
func fit(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if len(w) > maxIDBytes || strings.ContainsFunc(w, unicode.IsControl) || !utf8.ValidString(w) {
			t.Errorf("%q passes", w)
		}
	}
}

// safeURL says that a payer may be sent there.
func safeURL(t *testing.T, raw string) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(raw) > maxURLBytes ||
		strings.ContainsFunc(raw, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) {
		t.Errorf("a payer is sent to %q", raw)
	}
}

func FuzzLinkAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","checkoutToken":"inv-1","status":"ACTIVE","url":"https://checkout.example/inv-1"}`,
		`{"id":1,"checkoutToken":"inv-1","url":"https://checkout.example/inv-1","totalAmount":10.50,"items":[{"totalAmount":"10.5"}],"currency":"USD"}`,
		`{"id":"1","checkoutToken":"inv-2","url":"https://checkout.example/inv-2"}`, `{"id":"1","checkoutToken":"inv-1","url":"javascript:alert(1)"}`,
		`{"id":"1","checkoutToken":"inv-1","url":"https://checkout.example/inv-1","totalAmount":"1e999999999"}`,
		`{"id":"\u001b[2J","checkoutToken":"inv-1","url":"https://u:p@checkout.example/"}`, `{"url":"https://a\u202e.example"}`, `[]`, `{"id":"1","id":"2"}`,
		`{"id":"1","checkoutToken":"inv-1","url":"javascript://checkout.example/%0aalert(1)"}`, `{"id":"1","checkoutToken":"inv-1","url":"http://checkout.example/"}`,
		`{"detail":"jane.q@example.com s3cr3t-0815"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		link, err := fuzzClient(t, &said{status: 201, body: body}, fuzzSecret).CreatePaymentLink(context.Background(), &PaymentLinkRequest{
			CheckoutToken: "inv-1", Currency: "USD", Items: []Item{{TotalAmount: "10.5"}}, Customer: &Customer{Email: fuzzPayer},
		})
		if err != nil {
			tellsCleanly(t, err)
			var e *Error
			if errors.As(err, &e); link != nil || e.Kind != KindNonsense || !e.OutcomeUnknown() {
				t.Errorf("%v, and a link: %t", err, link != nil)
			}
			return
		}
		fit(t, link.ID, link.CheckoutToken, link.Status, link.Currency)
		safeURL(t, link.URL)
		if link.CheckoutToken != "inv-1" || link.Currency != "" && link.Currency != "USD" {
			t.Errorf("another link: %+v", link)
		}
		if total, err := parseAmount(link.TotalAmount); link.TotalAmount != "" && (err != nil || total.String() != "10.5") {
			t.Errorf("another amount: %q", link.TotalAmount)
		}
	})
}

func FuzzSessionAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"id":"s-1","checkoutToken":"inv-1","status":"PENDING","expiresAt":"2026-05-18T11:00:00Z"}`,
		`{"id":"s-1","url":"https://checkout.example/inv-1?s=1","paymentLinkId":"1","totalAmount":"10"}`, `{"checkoutToken":"inv-2","id":"s-1"}`,
		`{"url":"data:text/html,x"}`, `{"id":"s-1","expiresAt":7}`, `{"id":null}`, `{}`, "{\"id\":\"\x00\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		session, err := fuzzClient(t, &said{status: 201, body: body}, fuzzSecret).CreateCheckoutSession(context.Background(), "inv-1",
			&CheckoutSessionRequest{Customer: &Customer{Email: fuzzPayer}})
		if err != nil {
			tellsCleanly(t, err)
			if session != nil {
				t.Error("an error, and a session")
			}
			return
		}
		fit(t, session.ID, session.CheckoutToken, session.PaymentLinkID, session.Status, session.Currency)
		if session.URL != "" {
			safeURL(t, session.URL)
		}
		if session.CheckoutToken != "" && session.CheckoutToken != "inv-1" || session.ID == "" && session.URL == "" {
			t.Errorf("another session: %+v", session)
		}
	})
}

func FuzzListAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"pagination":{"count":1,"next":50,"previous":0,"total":120},"results":[{"id":"1","checkoutToken":"a","url":"https://checkout.example/a"}]}`,
		`{"pagination":{"next":-1,"total":9223372036854775807},"results":[{"id":1},7,null,{"id":"2","url":"javascript:1"}]}`,
		`{"pagination":{"next":10},"results":[{}]}`, `{"pagination":null,"results":[]}`, `{"results":null}`, `{}`,
	} {
		f.Add([]byte(seed), 0)
		f.Add([]byte(seed), 50)
	}
	f.Fuzz(func(t *testing.T, body []byte, offset int) {
		if offset < 0 {
			return
		}
		page, err := fuzzClient(t, &said{status: 200, body: body}, fuzzSecret).ListPaymentLinks(context.Background(), PaymentLinkFilter{Offset: offset})
		if err != nil {
			tellsCleanly(t, err)
			return
		}
		if page.Next != 0 && page.Next <= offset || page.Total < 0 || page.Unreadable < 0 {
			t.Errorf("from %d the walk goes to %d of %d", offset, page.Next, page.Total)
		}
		for _, link := range page.Links {
			fit(t, link.ID, link.CheckoutToken, link.Status, link.Currency)
			if link.URL != "" {
				safeURL(t, link.URL)
			}
		}
	})
}

func FuzzTokenAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"accessToken":"a.b-c","tokenType":"Bearer","expiresIn":86400}`, `{"accessToken":"a","expiresIn":"60"}`, `{"accessToken":"a\r\nX-Evil: 1"}`,
		`{"accessToken":"a","expiresIn":-1}`, `{"accessToken":"a","expiresIn":1e400}`, `{"accessToken":"a","expiresIn":"NaN"}`, `{"accessToken":""}`, `{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &said{status: 200, body: body}
		c := fuzzClient(t, s, "")
		before := time.Now()
		if err := c.Authenticate(context.Background()); err != nil {
			tellsCleanly(t, err)
			return
		}
		token := c.tokens.current
		if token.value == "" || len(token.value) > maxTokenBytes || !headerSafe(token.value) {
			t.Fatalf("%q is to be sent in a header", token.value)
		}
		if token.life <= 0 || token.end.Before(before) || token.end.After(time.Now().Add(maxLife)) || token.refreshAt.After(token.end) && token.life > time.Minute {
			t.Errorf("life %v, until %v, anew from %v", token.life, token.end, token.refreshAt)
		}
	})
}
