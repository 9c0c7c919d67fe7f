package deadletter

import (
	"net/textproto"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linkworker/linkworker/events"
)

// Headers of a dead letter. A replay carries headerEvent, headerReplays,
// headerEdit, headerIdentity and headerMsgID too.
const (
	headerReason       = "Deadletter-Reason"
	headerToken        = "Deadletter-Token"
	headerCode         = "Deadletter-Code"
	headerType         = "Deadletter-Type"
	headerStatus       = "Deadletter-Status"
	headerTraceID      = "Deadletter-Trace-Id"
	headerDetail       = "Deadletter-Detail"
	headerAttempts     = "Deadletter-Attempts"
	headerFirstAttempt = "Deadletter-First-Attempt"
	headerLastAttempt  = "Deadletter-Last-Attempt"
	headerWorker       = "Deadletter-Worker"
	headerSubject      = "Deadletter-Subject"
	headerStream       = "Deadletter-Stream"
	headerSequence     = "Deadletter-Sequence"
	headerTime         = "Deadletter-Time"
	headerReplays      = "Deadletter-Replays"
	headerEvent        = "Deadletter-Event"
	headerEdit         = "Deadletter-Edit"
	headerIdentity     = "Deadletter-Identity"
	headerMsgID        = "Deadletter-Msg-Id"
	headerOmitted      = "Deadletter-Omitted"
)

// What headerOmitted names.
const (
	omittedBody    = "body"
	omittedHeaders = "headers"
)

const (
	// ownPrefix begins our headers, in whatever case another client writes it.
	ownPrefix = "deadletter-"
	// natsPrefix begins what a NATS server acts on, likewise.
	natsPrefix = "nats-"
	// originalPrefix begins the name under which such a header is kept.
	originalPrefix = "Deadletter-Original-"
)

// maxValue bounds a header's value, in bytes.
const maxValue = 1024

// clean makes text fit for a header: valid UTF-8 on one line, without control
// characters and without outer spaces (which NATS clients drop), at most maxValue
// bytes.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, string(utf8.RuneError)))
	text = textproto.TrimString(text)
	return textproto.TrimString(cut(text))
}

// cut shortens valid UTF-8 to maxValue bytes, at the end of a character.
func cut(text string) string {
	if len(text) <= maxValue {
		return text
	}
	end := maxValue
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// carryIdentity is the identity of a session request as a header holds it.
func carryIdentity(identity string) string {
	if held, ok := hold(identity); ok {
		return held
	}
	kind, value, found := strings.Cut(identity, ".")
	if !found || events.SafeID(kind) != kind {
		return events.SafeID(identity)
	}
	return kind + "." + events.SafeID(value)
}

// carryMsgID is a Nats-Msg-Id as a header holds it.
func carryMsgID(id string) string {
	if held, ok := hold(id); ok {
		return held
	}
	return events.SafeID(id)
}

// hold writes a value so that a header gives it back exactly: as it is where that
// does, else as a quoted Go string. It cannot hold one that takes too much room.
func hold(value string) (held string, ok bool) {
	if clean(value) == value && !strings.HasPrefix(value, `"`) {
		return value, true
	}
	held = strconv.Quote(value)
	return held, len(held) <= maxValue
}

// uncarry is the inverse of carryIdentity and carryMsgID.
func uncarry(held string) string {
	if strings.HasPrefix(held, `"`) {
		if value, err := strconv.Unquote(held); err == nil {
			return value
		}
	}
	return held
}
