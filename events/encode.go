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
	body, err := out.text()
	if err != nil {
		return nil, unfit(SubjectLinkCreated)
	}
	return binaryMessage(SubjectLinkCreated, source, id, out.CheckoutToken, at, body)
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
	body, err := json.Marshal(&out)
	if err != nil {
		return nil, unfit(SubjectLinkFailed)
	}
	return binaryMessage(SubjectLinkFailed, source, id, out.CheckoutToken, at, body)
}

// unfit is the error of data that cannot be written. The text of what went wrong
// may quote what it met.
func unfit(subject string) error {
	return fmt.Errorf("encode %s: metadata is not a JSON value, a text is not valid UTF-8, or a time is out of range", subject)
}

// binaryMessage is a message in CloudEvents binary mode. Its body escapes nothing
// that JSON does not require, so metadata comes back no longer than it went in.
func binaryMessage(subject, source, id, token string, at time.Time, body []byte) (*nats.Msg, error) {
	if source == "" || id == "" {
		return nil, fmt.Errorf("encode %s: a CloudEvent needs a source and an id", subject)
	}
	if percentEncode(id) != id {
		// It would stand differently in ce-id and in Nats-Msg-Id.
		return nil, fmt.Errorf("encode %s: the id has characters that a header cannot hold", subject)
	}
	values := [...]string{
		specVersion, id, percentEncode(source), subject, at.UTC().Format(time.RFC3339Nano), contentTypeJSON, percentEncode(token),
	}
	one := func(i int) []string { return values[i : i+1 : i+1] } // all in one allocation

	// With room for the one that the publisher adds.
	header := make(nats.Header, 10)
	header[headerSpecVersion] = one(0)
	header[headerID] = one(1)
	header[headerSource] = one(2)
	header[headerType] = one(3)
	header[headerTime] = one(4)
	header[headerDataContentType] = one(5)
	header[headerContentType] = one(5)
	header[nats.MsgIdHdr] = one(1)
	if token != "" {
		header[headerSubject] = one(6)
	}
	return &nats.Msg{Subject: subject, Header: header, Data: body}, nil
}
