package claim

import (
	"errors"
	"strings"
	"sync/atomic"
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

	leaseMillis, ttlMillis, keepMillis any // as arguments of scripts, made once

	single  bool // the client is of one server: no Redis Cluster, no Ring
	errands *lane[errand]

	records, publications *together

	making atomic.Int64 // takes that go the quick way now, of other clients
	room   atomic.Int64 // that new claims keep free for the answer, in roomUnit, see make.go
}

// New returns a store whose keys begin with prefix. Records live for ttl after their last sight (DEDUP_TTL); a claim
// that is not renewed holds others off for lease (CLAIM_TTL).
func New(rdb redis.UniversalClient, prefix string, ttl, lease time.Duration) *Store {
	s := &Store{
		client: rdb, rdb: pipelined(rdb), prefix: prefix, ttl: ttl, lease: lease,
		leaseMillis: millis(lease), ttlMillis: millis(ttl),
	}
	s.keepMillis = millis(s.keepFor())
	_, s.single = rdb.(*redis.Client)
	s.errands = newLane(maxErrands, s.carryOut)
	s.records = &together{store: s, script: recordEachScript, common: []any{s.ttlMillis, s.leaseMillis}}
	s.publications = &together{store: s, script: publishEachScript, common: []any{s.ttlMillis}}
	s.room.Store(firstRoom * roomUnit)
	return s
}

// pipelined lets what several deliveries ask at the same moment share one round trip: while one batch is on its way the
// next one gathers, and who is alone waits for nobody. Commands are sent in the order in which they are given, and waited
// for where their answer is read. It ends with the client that it stands on.
func pipelined(rdb redis.UniversalClient) redis.UniversalClient {
	client, ok := rdb.(interface {
		AsyncAutoPipeline() (*redis.AutoPipeliner, error)
	})
	if !ok {
		return rdb
	}
	pipeliner, err := client.AsyncAutoPipeline()
	if err != nil { // a closed client: each command will say so
		return rdb
	}
	if c := pipeliner.Config(); c.Unordered || c.FullDuplex { // the client's own settings, and the order is wanted
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
type keys struct{ base, record, grave string }

func (s *Store) keys(r Request) keys {
	k := keys{base: s.key(r.Token, "")}
	k.grave = k.base + "dead:" + r.Event
	k.record = k.link()
	if r.Identity != "" {
		k.record = k.base + "session:" + safeIdentity(r.Identity)
	}
	return k
}

func (k keys) link() string  { return k.base + "link" }
func (k keys) trail() string { return k.base + "trail" }

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
