package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// pull is one request for messages to a pull consumer, see
// https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-13.md.
//
// It is spoken here, and not left to the client library's Fetch, for two reasons. Fetch takes an event without a body that
// has a Status header for a word of the server: such an event would never be seen, and would end every request it comes
// with. And Fetch drops what is on its way when it is cancelled: those events would wait for the acknowledgement wait at
// every stop of a worker.
type pull struct {
	nc       *nats.Conn
	stream   string
	consumer string
	messages int // at the most
	bytes    int // at the most
	take     func(*nats.Msg)
	// reconnected is closed when the connection is a new one: the server knows nothing of the request then.
	reconnected <-chan struct{}
}

// nextRequest is the body of the request. Durations are nanoseconds.
type nextRequest struct {
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes"`
	Expires   time.Duration `json:"expires"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

const (
	// pullExpires is how long a request stays open.
	pullExpires = 30 * time.Second
	// pullHeartbeat is how often the server says that a request is still open: after more than two of these without a
	// word, as after a reconnect, a new request is made. Without it a consumer can stall silently.
	pullHeartbeat = 2 * time.Second
	// pullDrain bounds how long a request that is given up waits for what is on its way.
	pullDrain = time.Second
)

var (
	errConsumerGone = errors.New("the consumer is gone")
	errSilent       = errors.New("the server is silent about the request")
)

// do makes the request and hands over each message that comes, until the request ends. It returns nil when the server has
// answered in full, or has nothing more.
func (p *pull) do(ctx context.Context) error {
	body, err := json.Marshal(nextRequest{Batch: p.messages, MaxBytes: p.bytes, Expires: pullExpires, Heartbeat: pullHeartbeat})
	if err != nil {
		return err
	}
	inbox, incoming := p.nc.NewInbox(), make(chan *nats.Msg, p.messages+16)
	sub, err := p.nc.ChanSubscribe(inbox, incoming)
	if err != nil {
		return fmt.Errorf("ask for messages: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // of a subscription that has ended: says so, to no use
	if err := p.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+p.stream+"."+p.consumer, inbox, body); err != nil {
		return fmt.Errorf("ask for messages: %w", err)
	}
	silence := time.NewTimer(3 * pullHeartbeat)
	defer silence.Stop()
	for left := p.messages; left > 0; {
		select {
		case <-ctx.Done():
			p.drain(sub, incoming)
			return ctx.Err()
		case <-silence.C:
			p.drain(sub, incoming)
			return errSilent
		case <-p.reconnected:
			p.drain(sub, incoming)
			return nil
		case msg := <-incoming:
			silence.Reset(3 * pullHeartbeat)
			if isDelivery(msg) {
				left--
				p.take(msg)
				continue
			}
			if over, err := readStatus(msg); over {
				return err
			}
		}
	}
	return nil
}

// drain ends the subscription and hands over what was on its way.
func (p *pull) drain(sub *nats.Subscription, incoming <-chan *nats.Msg) {
	if sub.Drain() != nil {
		return // the connection is gone, and so is what was on its way
	}
	deadline := time.NewTimer(pullDrain)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case msg := <-incoming:
			if isDelivery(msg) {
				p.take(msg)
			}
		case <-tick.C:
			if !sub.IsValid() && len(incoming) == 0 {
				return
			}
		case <-deadline.C:
			return
		}
	}
}

// isDelivery tells a message of the stream from a word of the server: only the former can be acknowledged.
func isDelivery(msg *nats.Msg) bool { return strings.HasPrefix(msg.Reply, "$JS.ACK.") }

// readStatus reads a word of the server: whether the request is over, and whether that is a fault.
func readStatus(msg *nats.Msg) (over bool, err error) {
	status, description := msg.Header.Get("Status"), msg.Header.Get("Description")
	switch {
	case status == "100": // idle heartbeat
		return false, nil
	case status == "404", status == "408": // nothing there; expired
		return true, nil
	case status == "503", strings.Contains(description, "Consumer Deleted"):
		return true, errConsumerGone
	case status == "409" && strings.Contains(description, "MaxBytes"), strings.Contains(description, "Batch Completed"):
		return true, nil
	default: // a leader has changed, a server is shutting down, a limit of the consumer's
		return true, fmt.Errorf("the server ended the request: %s %s", status, description)
	}
}
