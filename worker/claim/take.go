package claim

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Request asks for the work on one event.
type Request struct {
	Token    string // checkoutToken
	Identity string // of a session request; empty for an invoice
	Event    string // the event's name, the same at each delivery
	Message  string // where its message lies: stream.sequence
	Terms    []byte // recorded when the claim is made now; ignored when it exists
	// Perishable says that an answer that has perished makes room for another event of the same identity.
	Perishable bool
	// Ended names an event that is known, from its stream, to have ended without leaving a trace here: its claim is free.
	Ended string
	// Calling notes at once that the vendor is being called, as Begin does: only for who calls as soon as the claim is taken.
	Calling bool
	// New says that the event has probably not been seen here before, as at its first delivery: it is asked in a way that
	// costs Redis less where that is so, and more where it is not.
	New bool
	// Adopt takes over what the ended event left recorded. Without it, Take answers Orphan so that the terms can be
	// compared first.
	Adopt bool
}

// plain says that nothing is asked for but the link of an invoice, by an event whose name says where its message lies.
func (r *Request) plain() bool {
	return r.Ended == "" && !r.Adopt && !r.Perishable && r.Identity == "" && lies(r.Event, r.Message)
}

// Outcome says what Take found.
type Outcome string

// The outcomes of Take.
const (
	OutcomeTaken     Outcome = "taken"     // the claim is the caller's
	OutcomePublished Outcome = "published" // link.created is out; Event, Terms and Answer say whose and what
	OutcomeOrphan    Outcome = "orphan"    // recorded, never published, and its event has ended; see Request.Adopt
	OutcomeBusy      Outcome = "busy"      // another delivery, or another event that has not ended, has it
	OutcomeLater     Outcome = "later"     // the event's next attempt is due after Wait
	OutcomeDead      Outcome = "dead"      // the event has its verdict; Verdict, Letter and Ended say how far it was carried out
)

// outcomeNew is how the script says that what was taken was not there before.
const outcomeNew Outcome = "new"

// Result is what Take found. Which fields are set depends on the outcome.
type Result struct {
	Outcome Outcome
	Claim   *Claim // taken

	Event    string        // published, orphan, busy: whose it is
	Terms    []byte        // published, orphan
	Answer   []byte        // published, orphan
	Message  string        // busy: where that event's message lies
	Wait     time.Duration // busy, later
	Deserted bool          // busy: nobody is at work on it now
	Since    time.Duration // busy: for how long other events have found it deserted, its own not having come and none being due

	Verdict []byte // dead; empty once it is carried out
	Letter  string // dead: the dead letter's id, once it is in its stream
	Ended   bool   // dead: its link.failed is in its stream, too
}

// Link is what is known of a token's link when a session of it is claimed.
type Link struct {
	State  string        // "", claimed, recorded, published
	Age    time.Duration // since it was recorded
	Answer []byte        // recorded, published
}

// Link reads what is known of a token's link, for a session that waits for it.
func (s *Store) Link(ctx context.Context, token string) (Link, error) {
	reply, err := linkScript.Run(ctx, s.rdb, []string{s.key(token, "link")}).StringSlice()
	if err != nil {
		return Link{}, fmt.Errorf("claim: link: %w", err)
	}
	return answer(reply).link(0), nil
}

// newOwner is a name that no other delivery has: 128 random bits, ownerLength characters.
func newOwner() string {
	var bits [16]byte
	binary.NativeEndian.PutUint64(bits[:8], rand.Uint64()) // #nosec G404 -- it must be unique, not secret
	binary.NativeEndian.PutUint64(bits[8:], rand.Uint64()) // #nosec G404 -- the same
	return owners.EncodeToString(bits[:])
}

var owners = base32.HexEncoding.WithPadding(base32.NoPadding)

// Take asks for the work on an event. Each call is a new owner.
func (s *Store) Take(ctx context.Context, r Request) (*Result, error) {
	k := s.keys(r)
	owner := newOwner()
	asked := time.Now()
	room := s.roomForAnswer()
	body := packBody(r.Event, r.Message, r.Terms, room)
	if s.quickly(r) {
		switch made, err := s.makeClaim(ctx, k, packClaim(body, r.Calling, owner, s.ttl, room)); {
		case err != nil:
			return nil, fmt.Errorf("claim: take: %w", err)
		case made:
			return &Result{Outcome: OutcomeTaken, Claim: s.made(r, k, owner, asked, len(body))}, nil
		}
	}
	args := append(make([]any, 0, 9), callingFlag(r.Calling)+owner, s.leaseMillis, s.keepMillis, body, room)
	if !r.plain() {
		args = append(args, r.Ended, flag(r.Adopt), flag(r.Perishable), safeIdentity(r.Identity))
	}
	reply, err := takeScript.Run(ctx, s.rdb, []string{k.record, k.grave, k.link(), k.trail()}, args...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("claim: take: %w", err)
	}
	a := answer(reply)
	res := &Result{Outcome: Outcome(a.text(0))}
	switch res.Outcome {
	case OutcomeDead:
		res.Verdict, res.Letter, res.Ended = a.death(1)
	case OutcomePublished, OutcomeOrphan:
		res.Event, res.Terms, res.Answer = a.text(1), a.bytes(2), a.bytes(3)
	case OutcomeBusy:
		res.Event, res.Message, res.Wait, res.Deserted = a.text(1), a.text(2), a.duration(3), a.text(4) == "1"
		res.Since = a.duration(5)
	case OutcomeLater:
		res.Wait = a.duration(1)
	case outcomeNew:
		res.Outcome = OutcomeTaken
		res.Claim = s.made(r, k, owner, asked, len(body))
		res.Claim.Link = a.link(1)
	case OutcomeTaken:
		res.Claim = s.taken(r, k, owner, asked, a)
	default:
		return nil, fmt.Errorf("claim: take: Redis answered %q", a.text(0))
	}
	return res, nil
}

// made is a claim on a record that was not there before, a string with the given length of BODY.
func (s *Store) made(r Request, k keys, owner string, asked time.Time, body int) *Claim {
	c := s.held(r, k, owner, asked)
	c.Terms, c.headArg, c.headEndArg = r.Terms, body, body+1+ownerLength
	c.packed = true
	return c
}

// taken reads the answer of the take script for a claim that is now ours and was begun before.
func (s *Store) taken(r Request, k keys, owner string, asked time.Time, a answer) *Claim {
	c := s.held(r, k, owner, asked)
	c.Recorded = a.text(1) == "recorded"
	c.Tried = Tried{
		Attempts: int(a.int(2)), First: fromUnixMilli(a.int(3)), Last: fromUnixMilli(a.int(4)),
		Failure: a.bytes(5), Waited: a.duration(6), CutOff: int(a.int(11)),
	}
	c.Vanished, c.Terms, c.Answer, c.Generation = int(a.int(7)), a.bytes(8), a.bytes(9), int(a.int(10))
	c.Link = a.link(12)
	return c
}

// held is a claim that has just become ours. Its lease counts from before the question was sent, so that the claim never
// looks longer here than it is in Redis.
func (s *Store) held(r Request, k keys, owner string, asked time.Time) *Claim {
	c := &Claim{
		store: s, keys: k, records: []string{k.record},
		owner: owner, event: r.Event, message: r.Message, calling: r.Calling,
		ownerArg: owner, headArg: 0, headEndArg: 0,
	}
	c.renewed.Store(&asked)
	return c
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// callingFlag is CALLING as it stands in a string.
func callingFlag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// answer is a script's answer: strings by position, empty where the script said nothing.
type answer []string

func (a answer) text(i int) string {
	if i < len(a) {
		return a[i]
	}
	return ""
}

func (a answer) bytes(i int) []byte {
	if t := a.text(i); t != "" {
		return []byte(t)
	}
	return nil
}

// int reads a number that a script wrote; what is not one counts as zero, as an absent field does.
func (a answer) int(i int) int64 {
	n, _ := strconv.ParseInt(a.text(i), 10, 64)
	return n
}

func (a answer) duration(i int) time.Duration { return time.Duration(a.int(i)) * time.Millisecond }

// link reads the three answers from i on that describe a token's link.
func (a answer) link(i int) Link {
	return Link{State: a.text(i), Age: a.duration(i + 1), Answer: a.bytes(i + 2)}
}
