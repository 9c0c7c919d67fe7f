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
//	    delivered once more, is only brought to its end (its letter, which File notes, its link.failed, which Close notes,
//	    its acknowledgement).
//
// # Rules that hold in every transition
//
//  1. Each transition is one Lua script and so atomic; it uses Redis's own clock, never a worker's. A new claim may be made
//     by two plain commands, whose order stands in for that: see make.go. Records and publications of several claims may
//     share a script, which leaves to the script of its own each for which it is not the plain case: see together.go. What is
//     asked at the same moment shares a round trip: see errands.go.
//  2. Every transition but Take checks the owner. Who is not the owner changes no more than the form of the record (packed.go)
//     and is told [ErrLost].
//  3. A claim whose lease has ended, or that was released, may be taken again by a delivery of the same event only.
//     Another event is told that the token is busy until that event has ended; a caller that knows that it has ended
//     (its message acknowledged or gone from the stream, or not delivered again for much longer than the server waits)
//     says so in [Request.Ended] and takes its place. The latter is what is left when Redis has forgotten the last step
//     of an event that is acknowledged.
//  4. A recorded link is never undone, by no transition.
//  5. Every script may run twice with the same arguments (a client repeats a command whose answer was lost) and then has
//     the effect of one run: counters are given as absolute values, an owner meets its own claim as its own. Only who steps
//     back twice is told that the claim is no longer theirs, which is so.
//  6. All keys of a token carry the token in a hash tag, so that each script touches one slot of a Redis Cluster. Those for
//     several claims are not sent to one.
//  7. The number of perished answers of an identity (its generation) only rises; ended claims leave it behind.
//  8. Every record, grave and trail lives for the time to live given to [New], counted from its last sight, at the least.
//
// # Invariants
//
// They hold after every step of any number of deliveries, of whatever workers, as long as Redis keeps what it was told:
//
//	A. A record has one owner at the most. Of all deliveries that ever took it, one at the most is not told ErrLost.
//	B. A recorded answer is never replaced and never removed, unless it has perished and another event takes its place.
//	C. A published record stays published, and suppresses all events but those that a perished answer makes room for.
//	D. A record changes hands only between deliveries of its own event; to another event only when that one ended here
//	   (its death, its perishing), or its end is vouched for; and what was recorded, only when that event asks for it.
//	E. No delivery of an event that has its verdict ever works again, and the verdict never changes, nor does the letter that
//	   was filed first. A claim that such an event has all the same (see make.go) ends with its next delivery.
//	F. What was tried outlives the owner. A call whose owner vanished in it is counted once, when the next owner comes.
//
// When Redis forgets (all, or its last writes) A, D, E and F hold from what is left. B and C then need the other walls:
// the vendor gives no second link for a token, the stream no second link.created for an id.
//
// TestProtocol holds the scripts to a model of this in Go (model_test.go), over random interleavings of deliveries that
// vanish, stand still, repeat themselves or do not hear the answer, with time passing and Redis forgetting, on the Redis
// of the tests and on a real one. It does not cover: scripts that run at the same time (Redis runs one after the other), what
// others do between the two commands of make.go, how long a record lives (both have tests of their own),
// keys that expire (each is longer lived than any work, and its loss is that of a flush), a clock of Redis that jumps,
// the trail, and what the worker does with the answers: that is in the tests of package worker.
//
// # How it is stored
//
// A record whose event goes well is one string, any other a hash (packed.go); each script meets both.
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
// A dead letter is known twice: to its stream, by its id and for as long as it lies there, and to its grave, from File on. A
// worker that dies between the two leaves it to the stream; where the letter is replayed or discarded, and NATS restarted,
// before the event comes again, it is put a second time.
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
