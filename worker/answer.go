package worker

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-faster/jx"
	"github.com/go-json-experiment/json"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/terms"
)

// answer is what the vendor made, as it is recorded with the claim and told in link.created.
type answer struct {
	LinkID    string        `json:"linkId,omitzero"`
	SessionID string        `json:"sessionId,omitzero"`
	URL       string        `json:"url"`
	Status    string        `json:"status,omitzero"`
	CreatedAt time.Time     `json:"createdAt,omitzero"`
	ExpiresAt time.Time     `json:"expiresAt,omitzero"`
	Amount    events.Amount `json:"amount,omitzero"`
	Currency  string        `json:"currency,omitzero"`
}

// encode writes what [decodeAnswer] reads.
func (a *answer) encode() ([]byte, error) {
	e := jx.GetEncoder()
	defer jx.PutEncoder(e)
	text := func(name, value string) {
		if value != "" {
			e.FieldStart(name)
			e.Str(value)
		}
	}
	moment := func(name string, t time.Time) {
		if !t.IsZero() {
			e.FieldStart(name)
			e.Str(t.Format(time.RFC3339Nano))
		}
	}
	e.ObjStart()
	text("linkId", a.LinkID)
	text("sessionId", a.SessionID)
	text("url", a.URL)
	text("status", a.Status)
	moment("createdAt", a.CreatedAt)
	moment("expiresAt", a.ExpiresAt)
	text("amount", string(a.Amount))
	text("currency", a.Currency)
	e.ObjEnd()
	if !utf8.Valid(e.Bytes()) {
		return nil, errors.New("an answer with a text that is not valid UTF-8")
	}
	return bytes.Clone(e.Bytes()), nil
}

func decodeAnswer(data []byte) (*answer, error) {
	a := new(answer)
	if err := json.Unmarshal(data, a); err != nil {
		return nil, fmt.Errorf("recorded answer: %w", err)
	}
	return a, nil
}

// answerOfLink reads a link. What the vendor does not repeat is taken from what it was asked. made dates a link that the
// vendor does not date; it is zero for one that was not made now, and then nothing is said of its time.
func answerOfLink(link *conomy.PaymentLink, asked *conomy.PaymentLinkRequest, own *terms.Terms, made time.Time) *answer {
	a := &answer{
		LinkID: link.ID, URL: link.URL, Status: link.Status, CreatedAt: utc(link.CreatedAt),
		Amount: events.Amount(link.TotalAmount), Currency: asked.Currency,
	}
	if !a.Amount.Valid() {
		a.Amount = ""
		if total, err := terms.Total(own.Items); err == nil {
			a.Amount = events.Amount(total.String())
		}
	}
	if a.CreatedAt.IsZero() {
		if made.IsZero() {
			return a
		}
		a.CreatedAt = made.UTC().Truncate(time.Millisecond)
	}
	duration := link.Duration
	if duration <= 0 || duration > events.MaxDuration {
		duration = asked.Duration
	}
	a.ExpiresAt = utc(a.CreatedAt.Add(time.Duration(duration) * time.Second))
	return a
}

// answerOfSession reads a session; link is what is recorded of its link, nil when nothing is.
func answerOfSession(session *conomy.CheckoutSession, link *answer, fallback string, now time.Time) *answer {
	if link == nil {
		link = &answer{}
	}
	a := &answer{
		LinkID: first(session.PaymentLinkID, link.LinkID), SessionID: session.ID,
		URL:    first(session.URL, link.URL, fallback),
		Status: session.Status, CreatedAt: utc(session.CreatedAt), ExpiresAt: utc(session.ExpiresAt),
		Amount: amountOr(session.TotalAmount, link.Amount), Currency: first(session.Currency, link.Currency),
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = now.UTC().Truncate(time.Millisecond)
	}
	return a
}

// utc is the time in UTC; one that RFC 3339 cannot write is as good as none.
func utc(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return time.Time{}
	}
	return t
}

// contradiction says in what a session cannot be one of the link that is recorded, "" in nothing.
func contradiction(session *conomy.CheckoutSession, link *answer) string {
	differ := func(theirs, ours string) bool { return theirs != "" && ours != "" && theirs != ours }
	amount, err := events.Amount(session.TotalAmount).Decimal()
	recorded, ours := link.Amount.Decimal()
	switch {
	case differ(session.PaymentLinkID, link.LinkID):
		return "a session of another link than the token's"
	case differ(session.Currency, link.Currency):
		return "a session with another currency than its link"
	case err == nil && ours == nil && !amount.Equal(recorded):
		return "a session with another totalAmount than its link"
	}
	return ""
}

// amountOr reads the vendor's amount, or takes the other one where it is none.
func amountOr(vendors string, other events.Amount) events.Amount {
	if a := events.Amount(vendors); a.Valid() {
		return a
	}
	return other
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
