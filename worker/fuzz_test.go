package worker

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/terms"
)

// What a worker has recorded of the vendor's answer comes back as it was, whoever reads it.
func FuzzRecordedAnswer(f *testing.F) {
	f.Add([]byte(`{"linkId":"1","url":"https://checkout.example/a","status":"ACTIVE","createdAt":"2026-05-18T11:00:00.123Z","expiresAt":"2026-05-19T11:00:00Z","amount":"10.5","currency":"USD"}`))
	f.Add([]byte(`{"sessionId":"s","url":"\u202e\u001b","amount":"1e9"}`))
	f.Add([]byte(`{"createdAt":"9999-12-31T23:59:59.999999999-23:59"}`))
	f.Add([]byte(`{"url":7}`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeAnswer(data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "recorded answer: ") {
				t.Fatalf("it does not say of what: %v", err)
			}
			return
		}
		text, err := a.encode()
		if err != nil {
			t.Fatalf("%+v cannot be recorded: %v", a, err)
		}
		again, err := decodeAnswer(text)
		if err != nil {
			t.Fatalf("%s cannot be read: %v", text, err)
		}
		if twice, err := again.encode(); err != nil || !bytes.Equal(twice, text) {
			t.Fatalf("%s becomes %s, %v", text, twice, err)
		}
	})
}

// Of whatever link the client lets through, the answer can be recorded and told.
func FuzzAnswerOfLink(f *testing.F) {
	f.Add("1", "https://checkout.example/a", "ACTIVE", "10.50", int64(1779098400), int64(86400))
	f.Add("", "https://checkout.example/ü", "", "1e5", int64(-1<<62), int64(-1))
	f.Add("\xff", "https://a.example", "\x7f", "", int64(253402300799), int64(1<<62))
	f.Fuzz(func(t *testing.T, id, url, status, total string, unix, duration int64) {
		link := &conomy.PaymentLink{ID: id, URL: url, Status: status, TotalAmount: total, CreatedAt: time.Unix(unix, 0), Duration: duration}
		asked := &conomy.PaymentLinkRequest{Currency: "USD", Duration: 60}
		a := answerOfLink(link, asked, &terms.Terms{Items: []events.Item{{TotalAmount: "10.5"}}}, time.Unix(1779098400, 0))
		if a.Amount != "" && !a.Amount.Valid() {
			t.Fatalf("the amount %q is told", a.Amount)
		}
		text, err := a.encode()
		valid := utf8.ValidString(id) && utf8.ValidString(url) && utf8.ValidString(status)
		if (err == nil) != valid {
			t.Fatalf("%+v: %v", a, err)
		}
		if err != nil {
			return
		}
		if back, err := decodeAnswer(text); err != nil || !back.ExpiresAt.Equal(a.ExpiresAt) || !back.CreatedAt.Equal(a.CreatedAt) {
			t.Fatalf("%+v comes back as %+v, %v", a, back, err)
		}
		if y := a.ExpiresAt.Year(); y < 0 || y > 9999 {
			t.Fatalf("until %v", a.ExpiresAt)
		}
	})
}

// A verdict that was written down before a crash is read by whoever goes on.
func FuzzVerdict(f *testing.F) {
	f.Add([]byte(`{"reason":"rejected","code":"11","status":400,"detail":"x","attempts":3,"at":"2026-05-18T11:00:00Z"}`))
	f.Add([]byte(`{"reason":"\u0000","status":-1,"attempts":99999999999999999999}`))
	f.Add([]byte(`{"at":"0000-01-01T00:00:00Z"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v, again death
		if json.Unmarshal(data, &v) != nil {
			return
		}
		text, err := encode(v)
		if err != nil {
			t.Fatalf("%+v cannot be written down: %v", v, err)
		}
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s cannot be read: %v", text, err)
		}
		if twice, err := encode(again); err != nil || !bytes.Equal(twice, text) {
			t.Fatalf("%s becomes %s, %v", text, twice, err)
		}
	})
}
