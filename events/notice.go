package events

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
)

// Notice is one event that a notifier is told of: exactly one of Created and
// Failed is set.
type Notice struct {
	// ID is the event's, the same for every repeat: give it to an e-mail
	// provider as the idempotency key.
	ID      string
	Created *LinkCreated
	Failed  *LinkFailed
}

// DecodeNotice reads a message of [SubjectLinkCreated] or [SubjectLinkFailed].
// It ignores fields that it does not know. The error quotes nothing of the data.
func DecodeNotice(subject string, header nats.Header, data []byte) (Notice, error) {
	var n Notice
	id, err := attribute(header, headerID)
	if err != nil || id == "" {
		id = header.Get(nats.MsgIdHdr)
	}
	n.ID = id
	var target any
	switch subject {
	case SubjectLinkCreated:
		n.Created = new(LinkCreated)
		target = n.Created
	case SubjectLinkFailed:
		n.Failed = new(LinkFailed)
		target = n.Failed
	default:
		return Notice{}, errors.New("decode notice: a subject that tells nothing")
	}
	if err := json.Unmarshal(data, target); err != nil || !isObject(data) {
		return Notice{}, fmt.Errorf("decode %s: not the data of this event", subject)
	}
	if n.ID == "" {
		return Notice{}, fmt.Errorf("decode %s: neither ce-id nor Nats-Msg-Id", subject)
	}
	if n.Created != nil {
		n.Created.Metadata = nullAbsent(n.Created.Metadata)
	} else {
		n.Failed.Metadata = nullAbsent(n.Failed.Metadata)
	}
	return n, nil
}
