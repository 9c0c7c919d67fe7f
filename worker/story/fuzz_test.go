package story

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
)

const asked = "inv-1"

func fuzzTelling() *telling {
	return &telling{
		question: Question{Token: asked}, story: &Story{Token: asked}, streams: map[string]jetstream.Stream{}, met: map[string]bool{},
		memory: &claim.Memory{Now: time.Unix(1779098400, 0)},
	}
}

// told ends a story, which always has a verdict and can be printed.
func told(t *testing.T, tell *telling) {
	t.Helper()
	tell.order()
	if tell.story.Verdict = tell.judge(); tell.story.Verdict.Text == "" {
		t.Fatalf("no verdict on %+v", tell.story.Facts)
	}
	if _, err := json.Marshal(tell.story); err != nil {
		t.Fatal(err)
	}
	for _, f := range tell.story.Facts {
		if f.Place == "" || f.What == "" || f.Text == "" {
			t.Errorf("a fact without words: %+v", f)
		}
	}
}

// A message in a stream tells of the token only when it is of the token, and nothing of the payer.
func FuzzMessages(f *testing.F) {
	const invoice = `{"checkoutToken":"inv-1","currency":"USD","items":[{"preTaxAmount":"1","totalAmount":"1","description":"x"}],"customer":{"email":"zeb@canary.example"}}`
	f.Add(uint8(0), "", "", []byte(invoice))
	f.Add(uint8(0), "Deadletter-Event", "BILLING.1.2", []byte(strings.Replace(invoice, `"1"`, "1", 1)))
	f.Add(uint8(1), "ce-id", "x", []byte(`{"checkoutToken":"inv-1","customer":{"email":"zeb@canary.example"}}`))
	f.Add(uint8(2), "ce-id", "link.created:inv-1", []byte(`{"kind":"payment_link","checkoutToken":"inv-1","url":"https://a.example","customer":{"email":"zeb@canary.example"}}`))
	f.Add(uint8(3), "ce-id", "link.failed:x", []byte(`{"kind":"payment_link","checkoutToken":"inv-1","reason":"rejected","deadLetter":"\u001b[2J"}`))
	f.Add(uint8(3), "", "", []byte(`[]`))
	subjects := []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested, events.SubjectLinkCreated, events.SubjectLinkFailed}
	f.Fuzz(func(t *testing.T, kind uint8, name, value string, data []byte) {
		m := &stored{
			stream: "S", sequence: 7, time: time.Unix(1779098000, 0), subject: subjects[int(kind)%len(subjects)], data: data,
			header: nats.Header{name: {value}},
		}
		tell := fuzzTelling()
		if kind%4 < 2 {
			tell.event(m)
		} else {
			tell.notice(m)
		}
		if len(tell.story.Facts) > 1 || len(tell.story.Facts) == 1 && !strings.Contains(string(data), "inv") && !strings.Contains(string(data), `\`) &&
			!strings.Contains(string(data), "base64") {
			t.Fatalf("%q tells %+v", data, tell.story.Facts)
		}
		text, err := json.Marshal(tell.story.Facts)
		if err != nil || strings.Contains(string(text), "zeb@canary") {
			t.Fatalf("it shows the payer: %s, %v", text, err)
		}
		told(t, tell)
	})
}

// What Redis keeps may be of another version, or nonsense: a story comes of it all the same.
func FuzzMemory(f *testing.F) {
	f.Add("claimed", "BILLING.7.1.0", "BILLING.7", []byte(`{"url":"https://a.example","linkId":"1"}`), []byte(`{"reason":"rejected","code":"11","detail":"x","at":"2026-05-18T11:00:00Z"}`), "3", 1)
	f.Add("published", "", "", []byte(`[]`), []byte("\xff"), "", -1)
	f.Add("another", "a", "b.99999999999999999999", []byte(`{"url":7}`), []byte(`{"at":7}`), "\x1b", 1<<40)
	f.Fuzz(func(t *testing.T, state, event, message string, answer, failure []byte, letter string, attempts int) {
		tell := fuzzTelling()
		r := claim.Record{
			State: state, Event: event, Message: message, Answer: answer, Tried: claim.Tried{Attempts: attempts, Failure: failure},
			AtWork: attempts%2 == 0, Due: time.Unix(int64(attempts%1e9), 0),
		}
		session := r
		session.Identity = "request.1"
		tell.memory.Link, tell.memory.Sessions = &r, []claim.Record{session}
		tell.memory.Events = []claim.Seen{{Event: event, Message: message, Dead: letter != "", Verdict: failure, Letter: letter}, {Event: event + "x", Dead: true, Verdict: failure}}
		tell.tellMemory()
		told(t, tell)
	})
}

func FuzzLetter(f *testing.F) {
	f.Add("Deadletter-Reason: rejected\r\nDeadletter-Event: S.1.2\r\nDeadletter-Detail: x\r\n", []byte(`{"customer":{"email":"zeb@canary.example"}}`))
	f.Add("Deadletter-Reason: panic\r\nDeadletter-Event: S.1.2\r\nDeadletter-Sequence: 18446744073709551615\r\nDeadletter-Time: 0001-01-01T00:00:00Z\r\n", []byte("\xff"))
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		header, err := nats.DecodeHeadersMsg([]byte("NATS/1.0\r\n" + text + "\r\n"))
		if err != nil {
			return
		}
		letter, err := deadletter.Parse(events.DeadLetterPrefix+events.SubjectInvoiceIssued, header, data)
		if err != nil {
			return
		}
		tell := fuzzTelling()
		for range 2 {
			tell.letter(&deadletter.Entry{ID: 3, Letter: letter}, "DEADLETTERS")
		}
		if len(tell.story.Facts) != 1 {
			t.Fatalf("one letter is told %d times", len(tell.story.Facts))
		}
		told(t, tell)
	})
}
