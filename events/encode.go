package events

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
)

// EncodeLinkCreated makes the message of [SubjectLinkCreated] in CloudEvents
// binary mode. id, from [LinkCreatedID], is both its ce-id and its Nats-Msg-Id,
// so that the stream drops a repeat; at is when the event came about. It fails
// where a required field is missing or something is no valid UTF-8.
func EncodeLinkCreated(source, id string, at time.Time, e *LinkCreated) (*nats.Msg, error) {
	if e.Kind == "" || e.CheckoutToken == "" || e.URL == "" {
		return nil, errors.New("encode link.created: kind, checkoutToken and url are required")
	}
	out := *e
	out.Metadata = nullAbsent(out.Metadata)
	out.ExpiresAt, out.CreatedAt = out.ExpiresAt.UTC(), out.CreatedAt.UTC()
	return encode(SubjectLinkCreated, source, id, out.CheckoutToken, at, &out)
}

// EncodeLinkFailed makes the message of [SubjectLinkFailed]; it is otherwise like
// [EncodeLinkCreated].
func EncodeLinkFailed(source, id string, at time.Time, e *LinkFailed) (*nats.Msg, error) {
	if e.Kind == "" || e.Reason == "" || e.DeadLetter == "" || e.FailedAt.IsZero() {
		return nil, errors.New("encode link.failed: kind, reason, deadLetter and failedAt are required")
	}
	out := *e
	out.Metadata = nullAbsent(out.Metadata)
	out.FailedAt = out.FailedAt.UTC()
	return encode(SubjectLinkFailed, source, id, out.CheckoutToken, at, &out)
}

// encode writes data in binary mode. The text escapes nothing that JSON does not
// require, so metadata comes back no longer than it went in.
func encode(subject, source, id, token string, at time.Time, data any) (*nats.Msg, error) {
	body, err := json.Marshal(data)
	if err != nil {
		// The error itself may quote what it met.
		return nil, fmt.Errorf("encode %s: metadata is not a JSON value, a text is not valid UTF-8, or a time is out of range", subject)
	}
	return binaryMessage(subject, source, id, token, at, body)
}

// binaryMessage is a message in CloudEvents binary mode.
func binaryMessage(subject, source, id, token string, at time.Time, body []byte) (*nats.Msg, error) {
	if source == "" || id == "" {
		return nil, fmt.Errorf("encode %s: a CloudEvent needs a source and an id", subject)
	}
	if percentEncode(id) != id {
		// It would stand differently in ce-id and in Nats-Msg-Id.
		return nil, fmt.Errorf("encode %s: the id has characters that a header cannot hold", subject)
	}
	header := nats.Header{
		headerSpecVersion:     {specVersion},
		headerID:              {id},
		headerSource:          {percentEncode(source)},
		headerType:            {subject},
		headerTime:            {at.UTC().Format(time.RFC3339Nano)},
		headerDataContentType: {contentTypeJSON},
		headerContentType:     {contentTypeJSON},
		nats.MsgIdHdr:         {id},
	}
	if token != "" {
		header[headerSubject] = []string{percentEncode(token)}
	}
	return &nats.Msg{Subject: subject, Header: header, Data: body}, nil
}
