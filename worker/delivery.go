package worker

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/terms"
)

// delivery is one delivery of one message, from receive to settle. One goroutine works on it; the tender keeps it alive.
type delivery struct {
	msg    *nats.Msg
	meta   jetstream.MsgMetadata
	class  class
	origin deadletter.Origin // which event the message carries, through all replays
	named  string            // see name

	event    *events.Event        // nil until decoded
	bad      *events.InvalidError // what can be read of an event that cannot be decoded
	identity string               // of a session request
	terms    *terms.Terms         // of an invoice; nil when they cannot be filled in, see unfilled
	unfilled error
	lookedUp int // up to which of the vendor's links the token was looked for, before a page failed

	claim  atomic.Pointer[claim.Claim] // nil until it is ours
	answer *answer                     // what the vendor answered to this delivery; nil: see what is recorded
	hand   *hand                       // who works on it
	place  *place                      // in the receiver's window
	told   time.Time                   // when the server was last told that we are at it; the tender's
	lapped time.Time                   // when the last measured step ended
}

// name names the event, the same at each delivery, and different for each replay.
func (d *delivery) name() string { return d.named }

// message says where the event's message lies, the same at each delivery.
func (d *delivery) message() string {
	return d.meta.Stream + "." + strconv.FormatUint(d.meta.Sequence.Stream, 10)
}

// msgID is the Nats-Msg-Id under which the event first came.
func (d *delivery) msgID() string {
	if d.origin.MsgID != "" || d.origin.Replays > 0 {
		return d.origin.MsgID
	}
	return d.msg.Header.Get(jetstream.MsgIDHeader)
}

// mask hides the payer's values in a text.
func (d *delivery) mask(text string) string { return deadletter.MaskPayer(text, d.event) }
