package torture

import (
	"github.com/linkworker/linkworker/events"
)

// Class is what an event is there to try.
type Class string

// The classes.
const (
	Invoice      Class = "invoice"         // asks for a link
	Repeat       Class = "repeat"          // an invoice again, under another id
	Conflict     Class = "conflict"        // the token of an invoice, for another amount
	Session      Class = "session"         // asks for a session of a link
	SessionAgain Class = "session repeat"  // a session request again, under another id
	NoLink       Class = "session no link" // asks for a session of a link that never is
	Invalid      Class = "invalid"         // breaks a rule
	Unreadable   Class = "unreadable"      // is no JSON
	Refused      Class = "refused"         // the vendor refuses it
	Taken        Class = "taken"           // the vendor has that link already, made by somebody else
	TakenOther   Class = "taken other"     // the same, for another amount
	RefusedOnce  Class = "refused once"    // the vendor refuses the first call about it
	Replay       Class = "replay"          // the dead letter of an earlier event is sent again
	TakenExpired Class = "taken expired"   // the same, and it has expired
)

// event is one that the plan publishes.
type event struct {
	number  int // of the plan
	class   Class
	subject string
	token   string
	amount  events.Amount // of an invoice
	request string        // requestId of a session request
	email   string        // of its customer: tells sessions apart at the vendor
	id      string        // Nats-Msg-Id, and of a CloudEvent its id
	cause   string        // causationId of what it causes
	invoice string        // invoiceId
	header  map[string][]string
	data    []byte // of the message
	of      *event // of a replay
	waits   bool   // a session request that is published when its link is told of
}

// invoiceLike says that it asks for a link and can be read.
func (e *event) invoiceLike() bool {
	switch e.class {
	case Invoice, Repeat, Conflict, Refused, RefusedOnce, Taken, TakenOther, TakenExpired:
		return true
	}
	return false
}

// sessionLike says that it asks for a session and can be read.
func (e *event) sessionLike() bool {
	return e.class == Session || e.class == SessionAgain || e.class == NoLink
}

// resultID is the id of the link.created that it asks for; "" for one that cannot be read.
func (e *event) resultID() string {
	switch {
	case e.invoiceLike():
		return events.LinkCreatedID(e.token, "")
	case e.sessionLike():
		return events.LinkCreatedID(e.token, "request."+e.request)
	}
	return ""
}
