package events

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// hashedPrefix begins what stands in for a value that is not safe in an id.
const hashedPrefix = "sha256-"

// SafeID is the value itself where it can stand in an id (ASCII letters, digits
// and -._~, at most 200 bytes, not beginning with "sha256-"), else "sha256-" and
// the SHA-256 of its bytes in hex. Two values never share a SafeID.
func SafeID(value string) string {
	if value != "" && len(value) <= MaxTokenBytes && !strings.HasPrefix(value, hashedPrefix) && unreserved(value) {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return hashedPrefix + hex.EncodeToString(sum[:])
}

// unreserved says that all of s is of the set that RFC 3986, section 2.3 calls
// unreserved, https://www.rfc-editor.org/rfc/rfc3986#section-2.3
func unreserved(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// LinkCreatedID is the id of the one link.created of an invoice (identity "") or
// of a session request, whose identity is that of [SessionIdentity].
func LinkCreatedID(token, identity string) string {
	id := SubjectLinkCreated + ":" + SafeID(token)
	if identity == "" {
		return id
	}
	prefix, value, found := strings.Cut(identity, ".")
	if !found {
		return id + ":" + SafeID(identity)
	}
	return id + ":" + prefix + "." + SafeID(value)
}

// LinkFailedID is the id of the link.failed of a dead event. event names the
// original message and how often it was replayed; it goes through [SafeID], since
// a stream's name may hold what an id may not.
func LinkFailedID(event string) string { return SubjectLinkFailed + ":" + SafeID(event) }

// DeadLetterID is the id under which an event's dead letter is published; event
// is as for [LinkFailedID].
func DeadLetterID(event string) string { return "deadletter:" + SafeID(event) }

// ReplayID is the id under which an event is published again; event is as for
// [LinkFailedID].
func ReplayID(event string) string { return "replay:" + SafeID(event) }

// SessionIdentity is what makes a session request one: the first that is there
// of request.{requestId}, event.{CloudEvents source#id}, message.{Nats-Msg-Id}
// and customer.{SHA-256 of the customer}. Values stand in it as they are; ids and
// keys must put them through [SafeID], as [LinkCreatedID] does.
func SessionIdentity(e *Event, natsMsgID string) string {
	switch {
	case e.RequestID() != "":
		return "request." + e.RequestID()
	case e.ID != "":
		return "event." + e.Source + "#" + e.ID
	case natsMsgID != "":
		return "message." + natsMsgID
	default:
		return customerPrefix + customerHash(e.Customer())
	}
}

// customerPrefix begins an identity that is made of nothing but the customer's data.
const customerPrefix = "customer."

// Perishable reports whether a session request's identity is good only until its
// session expires, since the same customer may well ask again.
func Perishable(identity string) bool { return strings.HasPrefix(identity, customerPrefix) }

// CausationID names the event in what it causes: its CloudEvents source#id, else
// its Nats-Msg-Id, else "".
func CausationID(e *Event, natsMsgID string) string {
	if e.ID != "" {
		return e.Source + "#" + e.ID
	}
	return natsMsgID
}

// customerHash is the SHA-256 of the customer's canonical JSON (RFC 8785), so
// that neither the order of the fields nor how they were written matters.
func customerHash(c *Customer) string {
	if c == nil {
		c = new(Customer)
	}
	// Neither step can fail: the struct holds nothing but strings, and what is
	// not UTF-8 in one made by hand is replaced.
	text, _ := json.Marshal(c, jsontext.AllowInvalidUTF8(true))
	_ = (*jsontext.Value)(&text).Canonicalize()
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
