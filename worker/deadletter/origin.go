package deadletter

import (
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// Origin says which event a message carries, and which replay of it.
type Origin struct {
	// Event names the event by where its original message lies:
	// "{stream}.{sequence}.{stored, in Unix nanoseconds}". All its replays have
	// the same.
	Event string
	// Replays is how often the event has been replayed, 0 for an original.
	Replays int
	// Hash is that of the event's data where they were corrected, else "".
	Hash string
	// Identity is what makes a session request one, as it was of the original;
	// "" for an original, whose identity is worked out of its event.
	Identity string
	// MsgID is the Nats-Msg-Id of the original.
	MsgID string
}

// ID names this try of the event: "{Event}.{Replays}", and ".{Hash}" where the
// data were corrected. Ids of what comes of the try are made of it.
func (o Origin) ID() string {
	id := o.Event + "." + strconv.Itoa(o.Replays)
	if o.Hash != "" {
		id += "." + o.Hash
	}
	return id
}

// Next is the origin of the event's next replay: of the same data, or of corrected
// data whose hash is given. A hash is of letters, digits, - and _, at most 64.
func (o Origin) Next(hash string) Origin {
	o.Replays++
	if hash != "" {
		o.Hash = hash
	}
	return o
}

// Mark sets the headers of a replay: those that [OriginOf] knows it by, and the
// Nats-Msg-Id by which its stream knows a repeat of it.
func (o Origin) Mark(header nats.Header) {
	set := func(name, value string) {
		if value != "" {
			header.Set(name, value)
		}
	}
	set(headerEvent, o.Event)
	set(headerReplays, strconv.Itoa(o.Replays))
	set(headerEdit, o.Hash)
	set(headerIdentity, carryIdentity(o.Identity))
	set(headerMsgID, carryMsgID(o.MsgID))
	set(jetstream.MsgIDHeader, events.ReplayID(o.ID()))
}

// OriginOf reads the origin from a message of the billing stream.
//
// A message is a replay only when its Nats-Msg-Id says so as well: a dead letter
// that someone has published again by hand, with all its headers, is an event of
// its own, or it would pass for the dead one come again and be dropped.
func OriginOf(header nats.Header, meta *jetstream.MsgMetadata) Origin {
	if o, ok := replayOf(header); ok {
		return o
	}
	return Origin{
		Event: meta.Stream + "." + strconv.FormatUint(meta.Sequence.Stream, 10) + "." +
			strconv.FormatInt(meta.Timestamp.UnixNano(), 10),
		MsgID: header.Get(jetstream.MsgIDHeader),
	}
}

func replayOf(header nats.Header) (Origin, bool) {
	event := header.Get(headerEvent)
	if event == "" {
		return Origin{}, false
	}
	replays, err := strconv.Atoi(header.Get(headerReplays))
	o := Origin{
		Event:    event,
		Replays:  replays,
		Hash:     header.Get(headerEdit),
		Identity: uncarry(header.Get(headerIdentity)),
		MsgID:    uncarry(header.Get(headerMsgID)),
	}
	genuine := err == nil && replays > 0 && validEvent(event) && validHash(o.Hash) &&
		header.Get(jetstream.MsgIDHeader) == events.ReplayID(o.ID())
	return o, genuine
}

// validEvent says that event is "{stream}.{sequence}.{stored}". A stream's name
// has no dots, https://docs.nats.io/nats-concepts/jetstream/streams
func validEvent(event string) bool {
	parts := strings.Split(event, ".")
	if len(parts) != 3 || parts[0] == "" || clean(parts[0]) != parts[0] {
		return false
	}
	sequence, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil || strconv.FormatUint(sequence, 10) != parts[1] {
		return false
	}
	stored, err := strconv.ParseInt(parts[2], 10, 64)
	return err == nil && strconv.FormatInt(stored, 10) == parts[2]
}

// validHash says that hash can stand in an id, or is none.
func validHash(hash string) bool {
	if len(hash) > 64 {
		return false
	}
	return strings.IndexFunc(hash, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
