package conomytest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	defaultLimit = 10
	maxLimit     = 50
)

// linkFields are the fields of a create that the answers show again.
var linkFields = []string{
	"checkoutToken", "currency", "items", "paymentMethodsAllowed", "destinations", "duration", "owner",
	"customer", "customerRequirements", "successUrl", "failedUrl",
}

// createLink is POST /payment-links.
func (s *Server) createLink(c *call) *answer {
	if a := checkLinkRequest(c.body); a != nil {
		return a
	}
	known := pick(c.body, linkFields)
	request, err := json.Marshal(known, json.Deterministic(true))
	if err != nil {
		return serverError()
	}
	now := s.now()
	l := &link{
		status: StatusActive, createdAt: now, since: now, request: request, token: c.token,
		duration: seconds(known["duration"]), owner: field(known["owner"], "identityId"),
		email: field(known["customer"], "email"), accounts: accountNumbers(known),
	}
	st := &s.store
	st.mu.Lock()
	if st.byToken[l.token] != nil && (s.opts.Again == nil || !s.opts.Again(l.token)) {
		st.mu.Unlock()
		return fail(http.StatusConflict, "13", "alreadyExist", "a payment link with this checkoutToken exists")
	}
	st.add(l)
	st.mu.Unlock()
	if s.opts.Recipe {
		return reply(http.StatusCreated, object{
			"id": l.id(), "checkoutToken": l.token, "status": StatusActive, "url": s.hostedURL(l.token),
		})
	}
	return reply(http.StatusCreated, s.describe(known, l.id(), StatusActive, l.createdAt))
}

// listLinks is GET /payment-links. Filters that are not documented are ignored,
// as are those with no value.
func (s *Server) listLinks(c *call) *answer {
	q := c.r.URL.Query()
	limit, a := queryInt(q, "limit", defaultLimit)
	if a != nil {
		return a
	}
	if limit > maxLimit {
		return invalid("limit", "is above 50")
	}
	if limit == 0 {
		limit = defaultLimit
	}
	next, a := queryInt(q, "next", 0)
	if a != nil {
		return a
	}
	offset, a := queryInt(q, "offset", next)
	if a != nil {
		return a
	}
	page, total := s.page(q, offset, limit)
	end := offset + len(page)
	following := 0
	if len(page) > 0 && end < total {
		following = end
	}
	pagination := object{"count": end, "next": following, "previous": max(0, offset-limit), "total": total}
	return reply(http.StatusOK, object{"pagination": pagination, "results": page})
}

// page renders the links that a query asks for, the oldest first, and says how
// many there are.
func (s *Server) page(q url.Values, offset, limit int) (page []any, total int) {
	page = []any{}
	st := &s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	now := s.now()
	for _, l := range st.links.items {
		if l == nil || !l.matches(q, now) {
			continue
		}
		if total >= offset && len(page) < limit {
			page = append(page, s.render(l, now))
		}
		total++
	}
	return page, total
}

func (l *link) matches(q url.Values, now time.Time) bool {
	return oneOf(q.Get("id"), l.id()) && oneOf(q.Get("status"), l.statusAt(now)) &&
		oneOf(q.Get("destination.accountNumber"), l.accounts...) &&
		oneOf(q.Get("customer.email"), l.email) && oneOf(q.Get("owner.identityId"), l.owner)
}

// oneOf reports whether a comma-separated filter names one of the values.
func oneOf(filter string, values ...string) bool {
	if filter == "" {
		return true
	}
	for wanted := range strings.SplitSeq(filter, ",") {
		if slices.Contains(values, strings.TrimSpace(wanted)) {
			return true
		}
	}
	return false
}

// getLink is GET /payment-links/{id}.
func (s *Server) getLink(c *call) *answer {
	return s.withLink(c.id, func(l *link, now time.Time) *answer {
		return reply(http.StatusOK, s.render(l, now))
	})
}

// deleteLink is DELETE /payment-links/{id}.
func (s *Server) deleteLink(c *call) *answer {
	return s.withLink(c.id, func(l *link, now time.Time) *answer {
		if status := l.statusAt(now); status != StatusAttempt && status != StatusExpired {
			return wrongState("only links in ATTEMPT or EXPIRED can be deleted")
		}
		s.store.remove(l)
		return &answer{status: http.StatusNoContent}
	})
}

// activateLink is POST /payment-links/{id}/activate. An expired link starts a
// new period.
func (s *Server) activateLink(c *call) *answer {
	return s.withLink(c.id, func(l *link, now time.Time) *answer {
		switch l.statusAt(now) {
		case StatusActive:
		case StatusAttempt:
			l.status = StatusActive
		case StatusExpired:
			l.status, l.since = StatusActive, now
		default:
			return wrongState("the link cannot be activated any more")
		}
		return reply(http.StatusOK, s.render(l, now))
	})
}

func (s *Server) withLink(id string, do func(l *link, now time.Time) *answer) *answer {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	l := s.store.linkByID(id)
	if l == nil {
		return notFound("payment link")
	}
	return do(l, s.now())
}

func wrongState(detail string) *answer {
	return fail(http.StatusUnprocessableEntity, "21", "failedPrecondition", detail)
}

// render reads a kept link back.
func (s *Server) render(l *link, now time.Time) object {
	var known object
	if json.Unmarshal(l.request, &known) != nil {
		return object{} // cannot be: it was written by createLink
	}
	return s.describe(known, l.id(), l.statusAt(now), l.createdAt)
}

// describe is a link as the OpenAPI document has it: what was asked for, and
// what the provider knows.
func (s *Server) describe(known object, id, status string, createdAt time.Time) object {
	o := make(object, len(known)+6)
	for name, v := range known {
		o[name] = v
	}
	token, _ := known["checkoutToken"].(string)
	o["id"], o["status"], o["url"] = id, status, s.hostedURL(token)
	o["createdAt"] = createdAt.UTC().Format(time.RFC3339Nano)
	o["preTaxAmount"], o["totalAmount"] = sum(known["items"], "preTaxAmount"), sum(known["items"], "totalAmount")
	o["destinations"] = knownAccounts(known)
	return o
}

func (s *Server) hostedURL(token string) string {
	return s.opts.CheckoutURL + "/" + url.PathEscape(token)
}

// knownAccounts adds to each destination's account what the provider knows of
// it, which a request may leave out and the document's answers require.
func knownAccounts(known object) []any {
	list, _ := known["destinations"].([]any)
	full := make([]any, len(list))
	for i, v := range list {
		d, _ := v.(object)
		account, _ := d["account"].(object)
		destination := object{"account": merge(object{
			"type": "CHECKING", "currency": known["currency"], "accountHolder": "Sandbox Account",
		}, account)}
		for name, value := range d {
			if name != "account" {
				destination[name] = value
			}
		}
		full[i] = destination
	}
	return full
}

// merge puts the values of over, but for nulls, into base.
func merge(base, over object) object {
	for name, v := range over {
		if v != nil {
			base[name] = v
		}
	}
	return base
}

// pick copies the fields that are there and not null.
func pick(o object, names []string) object {
	known := make(object, len(names))
	for _, name := range names {
		if v := o[name]; v != nil {
			known[name] = v
		}
	}
	return known
}

func field(v any, name string) string {
	o, _ := v.(object)
	s, _ := o[name].(string)
	return s
}

func accountNumbers(known object) (numbers []string) {
	list, _ := known["destinations"].([]any)
	for _, v := range list {
		d, _ := v.(object)
		numbers = append(numbers, field(d["account"], "accountNumber"))
	}
	return numbers
}

// seconds bounds what a time.Duration can hold: three hundred years will do.
func seconds(v any) time.Duration {
	f, _ := v.(float64)
	return time.Duration(min(f, 9e9)) * time.Second
}

func queryInt(q url.Values, name string, otherwise int) (int, *answer) {
	raw := q.Get(name)
	if raw == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < 0 {
		return 0, invalid(name, "is not a whole number")
	}
	return n, nil
}
