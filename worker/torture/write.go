package torture

import (
	"fmt"
	"math/rand/v2"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

// writer makes the events of a plan.
type writer struct {
	plan     *plan
	random   *rand.Rand
	links    []*event // invoices that get a link, in the order of the plan
	rounds   []int    // in which round each of them is
	sessions []*event
	dead     []*event // those that most likely die
}

// mix is how often each class comes, in a thousand.
var mix = []struct {
	class  Class
	weight int
}{
	{Invoice, 400}, {Repeat, 170}, {Conflict, 70}, {Session, 130}, {SessionAgain, 80}, {NoLink, 10},
	{Invalid, 30}, {Unreadable, 20}, {Refused, 20}, {RefusedOnce, 40}, {Replay, 50}, {Taken, 20}, {TakenOther, 20}, {TakenExpired, 20},
}

func (w *writer) draw() Class {
	all := 0
	for _, m := range mix {
		all += m.weight
	}
	n := w.random.IntN(all)
	for _, m := range mix {
		if n -= m.weight; n < 0 {
			return m.class
		}
	}
	return Invoice
}

// next makes an event of a round. Repeats and conflicts come either right behind what they repeat, so that both are in work
// at once, or much later.
func (w *writer) next(round int) (*event, error) {
	e := &event{number: len(w.plan.events), class: w.draw()}
	switch {
	case round > 0 && round < calmRounds: // what is repeated here has ended before, and nothing excuses a call
		e.class = []Class{Invoice, Repeat, Repeat, Session, Conflict}[w.random.IntN(5)]
	case round == calmRounds: // no repeat makes good what the first fault loses
		e.class = []Class{Invoice, Invoice, Session}[w.random.IntN(3)]
	}
	old := w.old(e.class, round)
	if e.class == Replay && len(w.dead) > 0 {
		e.of = w.dead[w.random.IntN(len(w.dead))]
		return e, nil
	}
	if e.class == Replay || old == nil && needsOld[e.class] {
		e.class = Invoice
	}
	e.id = fmt.Sprintf("%s-%d", w.plan.run, e.number)
	e.invoice = fmt.Sprintf("F-%d", e.number)
	e.email = fmt.Sprintf("payer.%d@example.com", e.number)
	e.subject = events.SubjectInvoiceIssued
	e.token = w.token(e.number)
	e.amount = events.Amount(fmt.Sprintf("%d.%02d", 1+w.random.IntN(9999), 10+w.random.IntN(90)))
	switch e.class {
	case Repeat:
		e.token, e.amount = old.token, old.amount
	case Conflict:
		e.token = old.token
		e.amount = events.Amount(fmt.Sprintf("1%s", old.amount))
	case Session, SessionAgain, NoLink:
		e.subject = events.SubjectSessionRequested
		e.request = fmt.Sprintf("visit/%d", e.number)
		if old != nil {
			e.token = old.token
		}
		if e.class == SessionAgain {
			e.request, e.email = old.request, old.email
		}
		e.waits = e.class != NoLink
	}
	w.remember(e, round)
	return e, w.write(e)
}

var needsOld = map[Class]bool{Repeat: true, Conflict: true, Session: true, SessionAgain: true}

// old is the event that one of this class refers to.
func (w *writer) old(class Class, round int) *event {
	from := w.links
	if class == SessionAgain {
		from = w.sessions
	}
	if len(from) == 0 || !needsOld[class] {
		return nil
	}
	last := len(from) - 1
	if round >= calmRounds && class != Session && w.random.IntN(2) == 0 {
		return from[last]
	}
	return from[w.random.IntN(last+1)]
}

func (w *writer) remember(e *event, round int) {
	switch e.class {
	case Invoice:
		w.links = append(w.links, e)
		w.rounds = append(w.rounds, round)
	case RefusedOnce, Refused, Invalid, Unreadable, Conflict, TakenOther, NoLink:
		w.dead = append(w.dead, e)
	case Session:
		w.sessions = append(w.sessions, e)
	}
}

// token is one of its own for the n-th event; some have what has to be escaped on the way.
func (w *writer) token(n int) string {
	switch w.random.IntN(12) {
	case 0:
		return fmt.Sprintf("%s/factura ñ %d?a=b&c", w.plan.run, n)
	case 1:
		return fmt.Sprintf("%s..%d%%2F#", w.plan.run, n)
	}
	return fmt.Sprintf("%s-%d", w.plan.run, n)
}

const sourceOf = "/linkworker/torture"

// write makes the message, in one of the three forms.
func (w *writer) write(e *event) error {
	data, err := w.data(e)
	if err != nil {
		return err
	}
	header := map[string][]string{nats.MsgIdHdr: {e.id}}
	e.cause = e.id
	switch w.random.IntN(3) {
	case 0:
		for name, value := range map[string]string{
			"ce-specversion": "1.0", "ce-id": e.id, "ce-source": sourceOf, "ce-type": e.subject, "Content-Type": "application/json",
		} {
			header[name] = []string{value}
		}
		e.cause = sourceOf + "#" + e.id
	case 1:
		if e.class == Unreadable {
			break
		}
		header["Content-Type"] = []string{"application/cloudevents+json"}
		data, err = json.Marshal(map[string]any{
			"specversion": "1.0", "id": e.id, "source": sourceOf, "type": e.subject, "data": jsontext.Value(data),
		}, json.Deterministic(true))
		e.cause = sourceOf + "#" + e.id
	}
	e.header, e.data = header, data
	return err
}

func (w *writer) data(e *event) ([]byte, error) {
	customer := &events.Customer{FirstName: "Jane", LastName: "Roe", Email: e.email}
	metadata := jsontext.Value(fmt.Sprintf(`{"number":%d}`, e.number))
	if e.sessionLike() {
		return json.Marshal(&events.SessionRequest{
			CheckoutToken: e.token, RequestID: e.request, Customer: customer, InvoiceID: e.invoice, Metadata: metadata,
		})
	}
	invoice := &events.Invoice{
		CheckoutToken: e.token, Currency: "CLP", InvoiceID: e.invoice, Metadata: metadata, Customer: customer,
		Items: []events.Item{{PreTaxAmount: e.amount, TotalAmount: e.amount, Description: "Plan"}},
	}
	switch e.class {
	case Unreadable:
		return []byte(`{"checkoutToken":"` + e.id + `",`), nil
	case Invalid:
		invoice.Currency = "pesos"
	case Refused: // the worker holds types of destinations to no list, the vendor does
		invoice.Destinations = []events.Destination{{Type: "WALLET", Amount: e.amount, Currency: "CLP", Name: "nobody"}}
	}
	return json.Marshal(invoice)
}
