package worker

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/terms"
)

// TestAnswersAreReadAsTheyWereWritten holds what is recorded to what is read of it after a crash, and to what the type's
// tags say: another version may have written it.
func TestAnswersAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := func(name string) time.Time {
			return time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, name), rapid.Int64Range(0, 999999999).Draw(t, name+" ns")).UTC()
		}
		a := answer{
			LinkID: rapid.String().Draw(t, "link"), SessionID: rapid.String().Draw(t, "session"), URL: "https://a.example/" + rapid.String().Draw(t, "url"),
			Status: rapid.String().Draw(t, "status"), CreatedAt: moment("created"), ExpiresAt: moment("expires"),
			Amount: events.Amount(rapid.SampledFrom([]string{"", "49990", "-1.50"}).Draw(t, "amount")), Currency: rapid.String().Draw(t, "currency"),
		}
		written, err := a.encode()
		if err != nil {
			t.Fatal(err)
		}
		tagged, err := json.Marshal(&a)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{written, tagged} {
			if read, err := decodeAnswer(text); err != nil || *read != a {
				t.Fatalf("%s is read as %+v (%v)", text, read, err)
			}
		}
	})
}

// TestTimesThatCannotBeWritten sees to it that a vendor's time at the end of the calendar costs the time and not the link.
func TestTimesThatCannotBeWritten(t *testing.T) {
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600))
	link := &conomy.PaymentLink{ID: "l", URL: "https://a.example/", CreatedAt: last, Duration: 60}
	session := &conomy.CheckoutSession{ID: "s", URL: "https://a.example/", CreatedAt: last, ExpiresAt: last}
	asked := &conomy.PaymentLinkRequest{Currency: "CLP"}
	for name, a := range map[string]*answer{
		"link":          answerOfLink(link, asked, &terms.Terms{}, time.Time{}),
		"link made now": answerOfLink(link, asked, &terms.Terms{}, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)),
		"session":       answerOfSession(session, nil, "", time.Now()),
	} {
		text, err := a.encode()
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := decodeAnswer(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := events.EncodeLinkCreated("/linkworker", "id", time.Now(), &events.LinkCreated{
			Kind: events.KindPaymentLink, CheckoutToken: "t", URL: a.URL, CreatedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt,
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
