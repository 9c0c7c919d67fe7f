package claim

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// The quick way to a claim, for the first delivery of an event that is nothing but an invoice: two plain commands in place of
// the take script, which costs Redis three times as much.
//
// It is the order that makes it safe. The SET takes the record only where there is none. From then on no other delivery of
// the event owns it and can bury it as its owner, so that the EXISTS after the SET sees each grave that the take script would
// have seen. Where either finds something the script decides, with the same owner, to whom the claim is its own. Where the
// worker vanishes between the two, or a SET that was given up is carried out late, a dead event has a claim that nobody works
// on: its next delivery removes it and, if there is none, an event that waits for it asks the streams whether it has ended.
//
// A client sends the commands of one slot in the order in which they are given, also again, and where a cluster sends it
// elsewhere: see [pipelined].

// quickly says whether the request may go the quick way.
func (s *Store) quickly(r Request) bool { return r.New && r.plain() && s.ttl <= maxKeep }

// making is a claim on its way.
type making struct {
	keys  keys
	claim []byte

	begun atomic.Bool   // by the lane, or given up by who waits
	sent  chan struct{} // closed when the commands are answered that the lane has sent
	err   error         // why there are none

	reserved *redis.BoolCmd
	grave    *redis.IntCmd
}

func (m *making) board(b *batch) {
	if m.begun.CompareAndSwap(false, true) {
		b.makings = append(b.makings, m)
	}
}

// begin sends the two commands.
func (m *making) begin(ctx context.Context, to redis.Cmdable, s *Store) {
	m.reserved = to.SetNX(ctx, m.keys.record, m.claim, s.keepFor())
	m.grave = to.Exists(ctx, m.keys.grave)
}

// end reports whether the record is the owner's, and new. If it is not the take script knows what it is.
func (m *making) end() (bool, error) {
	if m.err != nil {
		return false, m.err
	}
	made, err := m.reserved.Result()
	dead, graveErr := m.grave.Result() // both are waited for
	if !made || err != nil {
		return false, err
	}
	return dead == 0 && graveErr == nil, graveErr
}

// makeClaim goes the quick way.
func (s *Store) makeClaim(ctx context.Context, k keys, claim []byte) (bool, error) {
	m := &making{keys: k, claim: claim}
	if !s.single {
		s.makeAlone(ctx, m)
		return m.end()
	}
	m.sent = make(chan struct{})
	s.errands.add(m)
	select {
	case <-m.sent:
	case <-ctx.Done():
		if m.begun.CompareAndSwap(false, true) {
			return false, ctx.Err()
		}
		<-m.sent // or a claim would be left that its owner does not know of
	}
	return m.end()
}

// makeAlone is for several servers, where a pipeline of many would wait for the slowest of them.
func (s *Store) makeAlone(ctx context.Context, m *making) {
	defer s.making.Add(-1)
	if s.making.Add(1) > 1 {
		m.begin(ctx, s.rdb, s)
		return
	}
	// Nobody else asks now: to gather commands would let the second wait for the answer to the first.
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // errors stand in each command, too
		m.begin(ctx, p, s)
		return nil
	})
}

// A string that grows is given twice the room that it needs. So a new claim is as long as its record will probably be when
// the answer stands in it.

const (
	// firstRoom is what is kept free before the first answer has come, enough for one in most cases.
	firstRoom = 320
	// maxRoom bounds it.
	maxRoom = 4 << 10
)

var blanks = strings.Repeat(" ", maxRoom)

// roomUnit is what a byte of room is counted in: one is given up when so many answers in a row did not need it.
const roomUnit = 16

// learn notes how much room an answer took: as much as the longest of the latest is kept free.
func (s *Store) learn(answer int) {
	took, room := int64(min(answer, maxRoom)*roomUnit), s.room.Load()
	switch {
	case took > room:
		s.room.Store(took)
	case took < room:
		s.room.Store(room - 1)
	}
}

// roomForAnswer is what a new claim keeps free, in bytes.
func (s *Store) roomForAnswer() int { return int(s.room.Load()+roomUnit-1) / roomUnit }
