package deadletter

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Reason is why an event died.
type Reason string

// The reasons, a closed set.
const (
	// ReasonInvalidEvent is an event that cannot be read or breaks a rule.
	ReasonInvalidEvent Reason = "invalid_event"
	// ReasonConflict is a token that already stands for other terms.
	ReasonConflict Reason = "conflict"
	// ReasonRejected is an event that the vendor refuses.
	ReasonRejected Reason = "rejected"
	// ReasonExhausted is an event at which every attempt failed.
	ReasonExhausted Reason = "exhausted"
	// ReasonPanic is an event that brings the worker down.
	ReasonPanic Reason = "panic"
)

// Reasons returns all reasons.
func Reasons() []Reason {
	return []Reason{ReasonInvalidEvent, ReasonConflict, ReasonRejected, ReasonExhausted, ReasonPanic}
}

// Letter is one dead event: the message that failed and what is known of the
// failure. A field that is not known has its zero value.
//
// Token, Code, Type, TraceID, Detail and Worker are for people: in a message they
// lose control characters, outer spaces and what is over 1 KiB.
type Letter struct {
	// Subject, Header and Data are the message as it failed.
	Subject string
	Header  nats.Header
	Data    []byte
	// BodyOmitted and HeadersOmitted say that Data and Header were left out
	// because the letter would have passed a limit of the server.
	BodyOmitted, HeadersOmitted bool

	Reason Reason
	// Token is the event's checkoutToken where it could be read.
	Token string
	// Code, Type, Status and TraceID are the vendor's.
	Code, Type, TraceID string
	Status              int
	// Detail says what happened. Payers' values do not belong into it, see
	// [MaskDetail].
	Detail string
	// Attempts is how many calls to the vendor were made.
	Attempts                  int
	FirstAttempt, LastAttempt time.Time
	// Worker is the version of the worker that gave up.
	Worker string

	// Stream, Sequence and Time are where the message that failed lies, and when
	// it was stored there.
	Stream   string
	Sequence uint64
	Time     time.Time

	// Replays is how often the event had been replayed when it failed.
	Replays int
	// Event, Identity and MsgID are as in [Origin]. They come back exactly, but
	// an Identity or MsgID that takes more than 1 KiB in a header comes back with
	// its value as the SHA-256 that [events.SafeID] makes of it.
	//
	// [events.SafeID]: https://pkg.go.dev/github.com/linkworker/linkworker/events#SafeID
	Event           string
	Identity, MsgID string
	// EventID is [Origin.ID]: it names this try of the event, and with it the
	// letter.
	EventID string
}

// Origin is the event whose letter this is, as it was at the try that failed.
func (l *Letter) Origin() Origin {
	return Origin{Event: l.Event, Replays: l.Replays, Hash: l.hash(), Identity: l.Identity, MsgID: l.MsgID}
}

// hash is that of corrected data, which stands at the end of the EventID.
func (l *Letter) hash() string {
	rest := strings.TrimPrefix(l.EventID, Origin{Event: l.Event, Replays: l.Replays}.ID())
	return strings.TrimPrefix(rest, ".")
}

// check refuses a letter that could not be found or replayed later.
func (l *Letter) check() error {
	switch {
	case l.Subject == "":
		return fmt.Errorf("dead letter %s: it has no subject", l.EventID)
	case !slices.Contains(Reasons(), l.Reason):
		return fmt.Errorf("dead letter %s: %q is not a reason", l.EventID, l.Reason)
	case !validEvent(l.Event):
		return fmt.Errorf("dead letter %s: %q does not name an event", l.EventID, l.Event)
	case l.EventID != l.Origin().ID() || !validHash(l.hash()):
		return fmt.Errorf("dead letter %s: the id is not of replay %d of event %s", l.EventID, l.Replays, l.Event)
	}
	return nil
}
