package claim

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Memory is all that Redis knows of a token, at one moment of its clock.
type Memory struct {
	Now      time.Time
	Link     *Record  // nil: nothing is known of it
	Sessions []Record // those that are on the trail and have a record
	Events   []Seen   // of the token, as far as they are known, in the order of their sight; the records' own first
	Told     []uint64 // sequences of link.created that no record names any more
	// Full says that the trail is: there may have been more in its middle.
	Full bool
}

// Nothing reports whether Redis knows nothing of the token.
func (m *Memory) Nothing() bool {
	return m.Link == nil && len(m.Sessions) == 0 && len(m.Events) == 0 && len(m.Told) == 0
}

// Record is what is recorded of a link or of a session.
type Record struct {
	Identity string // of a session as it stands in keys, see [events.SafeID]; "" of a link
	State    string // claimed, recorded, published
	Event    string // whose it is; "": free for any event
	Message  string // where that event's message lies, where it is known: stream.sequence
	AtWork   bool   // a delivery of that event is at work on it now
	Due      time.Time
	Tried    Tried
	Answer   []byte    // of the vendor: recorded, published
	Recorded time.Time // when
	Told     uint64    // sequence of link.created; 0: not known
}

// Seen is an event of the token.
type Seen struct {
	Event   string
	Message string    // where its message lies: stream.sequence
	At      time.Time // when it was first noted; zero for an event that is a record's own and nothing else
	Owner   bool      // it is a record's own
	Dead    bool      // it has ended, or is about to end, as a dead letter
	Verdict []byte    // of one that is about to
	Letter  string    // its dead letter's id, once it is in its stream
	Ended   bool      // its link.failed is in its stream, too
	Told    uint64    // sequence of that link.failed; 0: not known
}

// Recall reads all that is recorded about a token. It changes nothing: not even how long anything is remembered.
func (s *Store) Recall(ctx context.Context, token string) (*Memory, error) {
	link, err := s.look(ctx, s.key(token, "link"))
	if err != nil {
		return nil, fmt.Errorf("claim: recall: %w", err)
	}
	var entries *redis.ZSliceCmd
	var clock *redis.TimeCmd // read afterwards, so that nothing in a record is later
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		entries, clock = p.ZRangeWithScores(ctx, s.key(token, "trail"), 0, -1), p.Time(ctx)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim: recall: %w", err)
	}
	trail, now := entries.Val(), clock.Val()
	m := &Memory{Now: now, Link: recordOf("", link[0], now), Full: len(trail) >= trailLength}
	identities, seen := m.follow(trail)
	if err := s.recallRest(ctx, token, m, identities, seen); err != nil {
		return nil, fmt.Errorf("claim: recall: %w", err)
	}
	return m, nil
}

// trailLength is how many entries the scripts leave on a trail.
const trailLength = 32

// follow reads the trail: the identities of sessions and the events on it.
func (m *Memory) follow(trail []redis.Z) (identities []string, seen []Seen) {
	for _, z := range trail {
		entry, _ := z.Member.(string)
		if identity, ok := strings.CutPrefix(entry, "/"); ok {
			identities = append(identities, identity)
			continue
		}
		if told, ok := strings.CutPrefix(entry, "#"); ok && !strings.Contains(told, ".") {
			if n, err := strconv.ParseUint(told, 10, 64); err == nil {
				m.Told = append(m.Told, n)
			}
			continue
		}
		event, message, _ := strings.Cut(entry, " ")
		if message == "" {
			message = messageOf(event)
		}
		seen = append(seen, Seen{Event: event, Message: message, At: time.UnixMilli(int64(z.Score))})
	}
	return identities, seen
}

// messageOf is where the name of an event says that its message lies: its first two parts. Of a replay that is the first
// message.
func messageOf(event string) string {
	stream, rest, _ := strings.Cut(event, ".")
	sequence, _, more := strings.Cut(rest, ".")
	if !more {
		return ""
	}
	return event[:len(stream)+len(".")+len(sequence)]
}

// recallRest reads the sessions' records and the events' graves.
func (s *Store) recallRest(ctx context.Context, token string, m *Memory, identities []string, seen []Seen) error {
	keys := make([]string, len(identities))
	for i, identity := range identities {
		keys[i] = s.key(token, "session:"+identity)
	}
	records, err := s.look(ctx, keys...)
	if err != nil {
		return err
	}
	for i, identity := range identities {
		if r := recordOf(identity, records[i], m.Now); r != nil {
			m.Sessions = append(m.Sessions, *r)
		}
	}
	m.gather(seen)
	graves := make([]*redis.SliceCmd, len(m.Events))
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range m.Events {
			graves[i] = s.grave(ctx, p, token, m.Events[i].Event)
		}
		return nil
	})
	for i := range m.Events {
		if err != nil {
			break
		}
		e := &m.Events[i]
		d, dead := buried(graves[i])
		e.Dead, e.Verdict, e.Letter, e.Ended, e.Told = dead, d.Verdict, d.Letter, d.Ended, d.Told
	}
	return err
}

// gather lists each event once: the records' own, which the trail may have, too, then the others.
func (m *Memory) gather(seen []Seen) {
	at := map[string]int{}
	add := func(r *Record) {
		if r == nil || r.Event == "" {
			return
		}
		if r.Message == "" && strings.HasSuffix(r.Event, ".0") {
			r.Message = messageOf(r.Event)
		}
		if _, known := at[r.Event]; !known {
			at[r.Event] = len(m.Events)
			m.Events = append(m.Events, Seen{Event: r.Event, Message: r.Message, Owner: true})
		}
	}
	add(m.Link)
	for i := range m.Sessions {
		add(&m.Sessions[i])
	}
	for _, e := range seen {
		if i, known := at[e.Event]; known {
			m.Events[i].At, m.Events[i].Message = e.At, e.Message
			continue
		}
		at[e.Event] = len(m.Events)
		m.Events = append(m.Events, e)
	}
}

// recordOf is the record with the fields, nil where there is none.
func recordOf(identity string, r record, now time.Time) *Record {
	if r["s"] == "" {
		return nil
	}
	return &Record{
		Identity: identity, State: r["s"], Event: r["e"], Message: r["m"], AtWork: r["o"] != "" && r.after("u", now),
		Due: r.time("n"),
		Tried: Tried{
			Attempts: int(r.int("a")), First: r.time("f"), Last: r.time("l"), Failure: r.bytes("d"),
			Waited: time.Duration(r.int("w")) * time.Millisecond, CutOff: int(r.int("k")),
		},
		Answer: r.bytes("r"), Recorded: r.time("x"), Told: uint64(r.int("q")), // #nosec G115 -- a sequence in a stream
	}
}
