package deadletter

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// maxHeaders is how many bytes of headers JetStream takes, whatever the server's
// limit of a message is: its error 10097, "header size exceeds maximum allowed of
// 64k".
const maxHeaders = math.MaxUint16

// Message is the letter as it is published. maxPayload is the most that headers
// and body may have together, in bytes, as [nats.Conn.MaxPayload] says; 0 is no
// limit. Where the letter would pass it, the body is left out, then the headers of
// the original too; it is an error when even that is too large.
func (l *Letter) Message(maxPayload int64) (*nats.Msg, error) {
	forms, err := l.forms(maxPayload)
	if err != nil {
		return nil, err
	}
	return forms[0], nil
}

// forms lists the messages within the limits that the letter can be, the most
// telling one first.
func (l *Letter) forms(maxPayload int64) ([]*nats.Msg, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	own := l.ownHeaders()
	var forms []*nats.Msg
	var size int64
	for _, omit := range []struct{ body, headers bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		msg := l.form(own, l.BodyOmitted || omit.body, l.HeadersOmitted || omit.headers)
		headers := headerSize(msg.Header)
		size = headers + int64(len(msg.Data))
		if headers <= maxHeaders && (maxPayload <= 0 || size <= maxPayload) {
			forms = append(forms, msg)
		}
	}
	if len(forms) == 0 {
		return nil, fmt.Errorf("dead letter %s: it takes %d bytes without the body and the headers of its event, "+
			"and the NATS server takes %d: raise the server's max_payload", l.EventID, size, maxPayload)
	}
	return forms, nil
}

// form is the letter's message without the body or the headers of the original.
func (l *Letter) form(own nats.Header, omitBody, omitHeaders bool) *nats.Msg {
	msg := &nats.Msg{Subject: events.DeadLetterPrefix + l.Subject, Header: make(nats.Header, len(own)+len(l.Header)+1)}
	if !omitBody {
		msg.Data = l.Data
	}
	if !omitHeaders {
		copyOriginal(msg.Header, l.Header, len(msg.Data) == 0)
	}
	for name, values := range own {
		msg.Header[name] = values
	}
	if omitted := omittedParts(omitBody, omitHeaders); len(omitted) > 0 {
		msg.Header.Set(headerOmitted, strings.Join(omitted, ", "))
	}
	return msg
}

func omittedParts(body, headers bool) (parts []string) {
	if body {
		parts = append(parts, omittedBody)
	}
	if headers {
		parts = append(parts, omittedHeaders)
	}
	return parts
}

// ownHeaders says what is known of the failure. What is not known is absent.
func (l *Letter) ownHeaders() nats.Header {
	header := make(nats.Header, 24)
	set := func(name, value string) {
		if value != "" {
			header.Set(name, value)
		}
	}
	set(headerReason, string(l.Reason))
	set(headerToken, clean(l.Token))
	set(headerCode, clean(l.Code))
	set(headerType, clean(l.Type))
	set(headerTraceID, clean(l.TraceID))
	set(headerDetail, clean(l.Detail))
	set(headerWorker, clean(l.Worker))
	set(headerStatus, number(l.Status))
	set(headerAttempts, strconv.Itoa(l.Attempts))
	set(headerFirstAttempt, moment(l.FirstAttempt))
	set(headerLastAttempt, moment(l.LastAttempt))
	set(headerSubject, clean(l.Subject))
	set(headerStream, clean(l.Stream))
	set(headerSequence, number(l.Sequence))
	set(headerTime, moment(l.Time))
	set(headerReplays, strconv.Itoa(l.Replays))
	set(headerEvent, l.Event)
	set(headerEdit, l.hash())
	set(headerIdentity, carryIdentity(l.Identity))
	set(headerMsgID, carryMsgID(l.MsgID))
	set(jetstream.MsgIDHeader, events.DeadLetterID(l.EventID))
	return header
}

// number is n, or "" for 0, which no status and no sequence is.
func number[T int | uint64](n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// moment is RFC 3339 with as many digits as t has, in UTC.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// headerSize is what header takes on the wire, in bytes.
func headerSize(header nats.Header) int64 {
	return int64((&nats.Msg{Header: header}).Size())
}
