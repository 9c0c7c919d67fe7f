// Package claim says who may work on a checkoutToken and keeps what is recorded about it, in Redis.
//
// # The protocol
//
// Each invoice (one per checkoutToken) and each session request (one per checkoutToken and identity) has one record, a
// small state machine:
//
//		absent ──Take──▶ claimed ──Record──▶ recorded ──Publish──▶ published
//		                  │   ▲ Fail, Release: the owner steps back, what was tried stays
//		                  └─Bury──▶ absent, and a grave for the event that died
//
//	  - claimed: one delivery of one event owns the work until its lease ends. The owner is random for each delivery, not
//	    for each process. Terms are fixed here; retries and resumes use them.
//	  - recorded: the vendor has answered, nobody has been told yet. Whoever resumes goes on at the publishing.
//	  - published: link.created is in its stream. Only this state suppresses other events with the token.
//	  - a grave belongs to an event, not to a token: the token is free again for other events, while the dead event,
//	    delivered once more, is only brought to its end (its letter, its link.failed, its acknowledgement).
//
// # Rules that hold in every script
//
//  1. Each transition is one Lua script and so atomic; it uses Redis's own clock, never a worker's.
//  2. Every transition but Take checks the owner. Who is not the owner changes nothing and is told [ErrLost].
//  3. A claim whose lease has ended, or that was released, may be taken again by a delivery of the same event only.
//     Another event is told that the token is busy until that event has ended; a caller that knows that it has ended
//     (its message acknowledged or gone from the stream, or not delivered again for much longer than the server waits)
//     says so in [Request.Ended] and takes its place. The latter is what is left when Redis has forgotten the last step
//     of an event that is acknowledged.
//  4. A recorded link is never undone, by no transition.
//  5. Every script may run twice with the same arguments (a client repeats a command whose answer was lost) and then has
//     the effect of one run: counters are given as absolute values, an owner meets its own claim as its own.
//  6. All keys of a token carry the token in a hash tag, so that each script touches one slot of a Redis Cluster.
//  7. Every record, grave and trail lives for the time to live given to [New], counted from its last sight.
//
// # The trail
//
// What happened to a token can be told without searching the streams: a record names its event, whose name says where its
// message lies, and keeps the sequence of its link.created. What has no record (duplicates, conflicts, dead events,
// replays) and which session requests there are stands on the token's trail: no more than the first and the last 16
// entries of it, and none for a token with one invoice that went well. No decision rests on the trail. [Store.Recall]
// reads it all.
//
// # What is lost when Redis forgets
//
// After a flush the owner of a claim is told ErrLost at its next transition and settles nothing; the redelivered event
// takes a new claim, meets the vendor's 409 and looks its link up. An asynchronous failover that forgets only the last
// writes looks the same: the record falls back to an earlier state, and the work is done again from there behind the two
// other walls (the vendor's unique token, the stream's duplicate window).
//
// # Use
//
//	taken, err := store.Take(ctx, claim.Request{Token: token, Event: name, Message: "BILLING.17", Terms: terms})
//	switch taken.Outcome {
//	case claim.Taken:     // taken.Claim is ours: work, then Record, publish, Publish
//	case claim.Published: // a duplicate
//	case claim.Busy:      // come back after taken.Wait
//	…
//	}
package claim

import (
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/events"
)

// ErrLost says that the claim is not, or no longer, the caller's: its lease ended and another delivery took it, or Redis
// has lost its memory. Who gets it must neither publish nor settle.
var ErrLost = errors.New("claim: lost to another delivery")

// Refused reports whether err is Redis's answer to the command itself, as for a key of another type, and says nothing about
// whether Redis is there. Errors that concern the server as a whole (LOADING, READONLY, OOM, CLUSTERDOWN, …) are not such.
func Refused(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return false
	}
	text := answer.Error()
	for _, state := range []string{"-OOM", "-READONLY", "-LOADING", "-MISCONF", "-CLUSTERDOWN", "-MASTERDOWN", "-NOREPLICAS"} {
		if strings.Contains(text, state) { // Redis 6 wraps what a script meets
			return false
		}
	}
	return strings.HasPrefix(text, "WRONGTYPE") || strings.HasPrefix(text, "ERR ") && !strings.Contains(text, "max number of clients")
}

// MaxVanished is how many owners of one claim may vanish in a row, none of them getting as far as an answer of the
// vendor, before the event itself is taken for the cause.
const MaxVanished = 20

// Store keeps the claims of all workers that share a Redis and a prefix. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient // as it was given
	rdb    redis.UniversalClient // the same, pipelined
	prefix string
	ttl    time.Duration
	lease  time.Duration
}

// New returns a store whose keys begin with prefix. Records live for ttl after their last sight (DEDUP_TTL); a claim
// that is not renewed holds others off for lease (CLAIM_TTL).
func New(rdb redis.UniversalClient, prefix string, ttl, lease time.Duration) *Store {
	return &Store{client: rdb, rdb: pipelined(rdb), prefix: prefix, ttl: ttl, lease: lease}
}

// pipelined lets what several deliveries ask at the same moment share one round trip: while one batch is on its way the
// next one gathers, and who is alone waits for nobody. It ends with the client that it stands on.
func pipelined(rdb redis.UniversalClient) redis.UniversalClient {
	client, ok := rdb.(interface {
		AutoPipeline() (*redis.AutoPipeliner, error)
	})
	if !ok {
		return rdb
	}
	pipeliner, err := client.AutoPipeline()
	if err != nil { // a closed client: each command will say so
		return rdb
	}
	return pipeliner
}

// keepFor is for how long Take keeps a record: longer than it must, so that the steps after Take mostly find enough left and
// need not lengthen it.
func (s *Store) keepFor() time.Duration { return s.ttl + s.lease }

// Lease is how long a claim holds others off without renewal.
func (s *Store) Lease() time.Duration { return s.lease }

// key builds the key of one matter of a token: prefix:{token}:matter.
func (s *Store) key(token, matter string) string {
	return s.prefix + ":{" + events.SafeID(token) + "}:" + matter
}

func (s *Store) recordKey(token, identity string) string {
	if identity == "" {
		return s.key(token, "link")
	}
	return s.key(token, "session:"+safeIdentity(identity))
}

// keys are those that a claim stands on.
type keys struct{ record, grave, link, trail string }

func (s *Store) keys(r Request) keys {
	base := s.key(r.Token, "")
	k := keys{link: base + "link", grave: base + "dead:" + r.Event, trail: base + "trail"}
	k.record = k.link
	if r.Identity != "" {
		k.record = base + "session:" + safeIdentity(r.Identity)
	}
	return k
}

// safeIdentity is an identity as it stands in keys, "" for an invoice.
func safeIdentity(identity string) string {
	if identity == "" {
		return ""
	}
	return events.SafeID(identity)
}

// graveKey places an event's grave beside its token's record; an event whose token could not be read lies under its own
// name.
func (s *Store) graveKey(token, event string) string {
	if token == "" {
		token = "event." + event
	}
	return s.key(token, "dead:"+event)
}

func millis(d time.Duration) int64 { return d.Milliseconds() }

// unixMilli is zero for the zero time, which the scripts read as "not known".
func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromUnixMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
