package torture

import (
	"bytes"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
)

// vendors looks at the vendor's book: one link for a token.
func (j *judge) vendors() {
	one := j.invariant(oneLink)
	for _, all := range j.byToken {
		a := all[0]
		one.checked++
		made := 0
		for _, r := range j.calls[a.token] {
			if r.Endpoint == conomytest.EndpointCreatePaymentLink && r.Status == 201 {
				made++
			}
		}
		if made > 1 {
			one.breaks(j, a, "%d links were made for %q", made, a.token)
		}
	}
}

// notices looks at each link.created.
func (j *judge) notices() {
	once, made, right := j.invariant(oneTold), j.invariant(noneUnmade), j.invariant(rightData)
	for _, n := range j.strange {
		right.breaks(j, nil, "message %d on %s cannot be read: %v", n.sequence, n.subject, n.fault)
	}
	byThing := map[string]*notice{}
	for id, told := range j.created {
		first := told[0]
		a := j.causing(first)
		once.checked++
		made.checked++
		right.checked++
		if len(told) > 1 {
			once.breaks(j, a, "%s was published %d times", id, len(told))
		}
		thing := string(first.Created.Kind) + first.Created.LinkID + "/" + first.Created.SessionID
		if other := byThing[thing]; other != nil {
			once.breaks(j, a, "%s and %s tell of the same %s", id, other.ID, thing)
		}
		byThing[thing] = first
		if !j.exists(first.Created) {
			made.breaks(j, j.withToken(first.Created.CheckoutToken), "%s: the vendor has no such %s: link %q, session %q",
				id, first.Created.Kind, first.Created.LinkID, first.Created.SessionID)
			continue
		}
		if a == nil {
			right.breaks(j, j.withToken(first.Created.CheckoutToken), "%s says that it was caused by %q, and that is no event for its token and terms", id, first.Created.CausationID)
			continue
		}
		for _, fault := range j.faults(a, first) {
			right.breaks(j, a, "%s: %s", id, fault)
		}
	}
}

// causing is the event that a link.created says it is for, if that could be.
func (j *judge) causing(n *notice) *asked {
	link := j.links[n.Created.CheckoutToken]
	for _, a := range j.byToken[n.Created.CheckoutToken] {
		if a.cause != n.Created.CausationID || a.resultID() != n.ID || link == nil {
			continue
		}
		if a.sessionLike() || a.paysFor(link) {
			return a
		}
	}
	return nil
}

func (j *judge) withToken(token string) *asked {
	if all := j.byToken[token]; len(all) > 0 {
		return all[0]
	}
	return nil
}

// exists reports whether the vendor has made what is told of.
func (j *judge) exists(c *events.LinkCreated) bool {
	link := j.links[c.CheckoutToken]
	if link == nil || link.ID != c.LinkID {
		return false
	}
	return c.Kind == events.KindPaymentLink || j.session(c) != nil
}

func (j *judge) session(c *events.LinkCreated) *conomytest.Session {
	for _, s := range j.sessions[c.CheckoutToken] {
		if s.ID == c.SessionID {
			return s
		}
	}
	return nil
}

// faults are where a link.created differs from what the vendor has made and the event has asked.
func (j *judge) faults(a *asked, n *notice) (faults []string) {
	c, link := n.Created, j.links[a.token]
	check := func(what, is, should string) {
		if is != should {
			faults = append(faults, what+" is "+strconv.Quote(is)+", and should be "+strconv.Quote(should))
		}
	}
	page, customer := link.URL, emailOf(link.Request)
	if session := j.session(c); session != nil {
		if session.URL != "" {
			page = session.URL
		}
		customer = emailOf(session.Customer)
		check("the payer of the session at the vendor", customer, a.email)
	} else if a.class != Taken && customer != a.email && !j.alsoAsked(a, customer) {
		check("the payer of the link at the vendor", customer, a.email)
	}
	check("url", unescaped(c.URL), unescaped(page))
	check("checkoutToken", c.CheckoutToken, a.token)
	check("amount", string(c.Amount), link.TotalAmount)
	check("currency", c.Currency, link.Currency)
	check("invoiceId", c.InvoiceID, a.invoice)
	check("requestId", c.RequestID, a.request)
	check("kind", string(c.Kind), string(map[bool]events.Kind{true: events.KindCheckoutSession, false: events.KindPaymentLink}[a.sessionLike()]))
	metadata := jsontext.Value(bytes.Clone(c.Metadata))
	_ = metadata.Compact() // what is no JSON is no match
	check("metadata", string(metadata), `{"number":`+strconv.Itoa(a.number)+`}`)
	email := ""
	if c.Customer != nil {
		email = c.Customer.Email
	}
	check("customer.email", email, a.email)
	if a.invoiceLike() && !c.ExpiresAt.IsZero() {
		if apart := c.ExpiresAt.Sub(link.ExpiresAt).Abs(); apart > 1e6 {
			faults = append(faults, "expiresAt is "+c.ExpiresAt.String()+", and should be "+link.ExpiresAt.String())
		}
	}
	return faults
}

// unescaped is a URL to compare: where nobody remembers the vendor's, the worker writes one of the same meaning.
func unescaped(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// alsoAsked reports whether the payer is that of another event with the same terms: whichever of them came first has made
// the link, and another may have told of it.
func (j *judge) alsoAsked(a *asked, email string) bool {
	for _, other := range j.byToken[a.token] {
		if other.amount == a.amount && other.email == email {
			return true
		}
	}
	return false
}

// emailOf is the e-mail address of a payer in the vendor's book: of a create, or of a session.
func emailOf(data jsontext.Value) string {
	var body struct {
		Email    string `json:"email"`
		Customer struct {
			Email string `json:"email"`
		} `json:"customer"`
	}
	_ = json.Unmarshal(data, &body) // written by the emulator
	if body.Customer.Email != "" {
		return body.Customer.Email
	}
	return body.Email
}
