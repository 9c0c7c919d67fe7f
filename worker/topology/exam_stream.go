package topology

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// messageSize is what LINKS and DEADLETTERS should take in one message, in bytes:
// an event of 256 KiB with its headers, and ours.
const messageSize = 512 << 10

// stream examines a stream that has a role, or a part of it.
func (e *exam) stream(r role, c jetstream.StreamConfig) {
	e.object = KindStream + " " + c.Name
	e.transform(r, c)
	switch r {
	case billing:
		e.billing(c)
	case links:
		e.keeper(c)
		e.links(c)
	case deadLetters:
		e.keeper(c)
		e.deadLetters(c)
	}
	e.durability(c)
}

// planned examines what is about to be made: with these settings it may be unfit.
func (e *exam) planned(r role, c jetstream.StreamConfig) {
	if needed := 2 * e.longestAckWait; r != billing && c.Duplicates < needed {
		e.unfit(fmt.Sprintf("made with LINKS_DUPLICATE_WINDOW=%s it would forget ids within twice the acknowledgement wait of %s, so a repeat may pass for new",
			short(c.Duplicates), short(e.longestAckWait)), "set LINKS_DUPLICATE_WINDOW="+short(needed)+" or more")
	}
	if r == billing && c.MaxAge > e.settings.DedupTTL {
		e.unfit(fmt.Sprintf("it would be made to keep events for %s, longer than their tokens are remembered (DEDUP_TTL, %s), so one that comes again may pass for new",
			short(c.MaxAge), short(e.settings.DedupTTL)),
			fmt.Sprintf("set DEDUP_TTL=%s, or make it yourself: nats stream add %s --subjects=%s --max-age=%s --dupe-window=%s --defaults",
				short(c.MaxAge), c.Name, strings.Join(c.Subjects, ","), short(e.settings.DedupTTL),
				short(min(c.Duplicates, e.settings.DedupTTL))))
	}
}

func (e *exam) nameTaken(c jetstream.StreamConfig, lacking []string) {
	e.object = KindStream + " " + c.Name
	e.unfit(fmt.Sprintf("it does not carry %s, no other stream does, and its name is that of the stream to be made", list(lacking)),
		edit(c, "--subjects="+strings.Join(append(c.Subjects, lacking...), ","))+
			", or make a stream of another name for what is lacking")
}

// transform refuses a stream that stores a subject under another name, where
// consumers look for it in vain.
func (e *exam) transform(r role, c jetstream.StreamConfig) {
	t := c.SubjectTransform
	if t == nil || t.Destination == "" || t.Destination == t.Source {
		return
	}
	for _, subject := range r.subjects() {
		if carries(c.Subjects, subject) && (t.Source == "" || matches(t.Source, subject)) && t.Destination != subject {
			e.unfit(fmt.Sprintf("it stores %s under another subject (%s)", subject, t.Destination), edit(c, "--no-transform"))
		}
	}
}

// keeper holds for the streams that the worker writes to: what they have
// acknowledged must be there, and once only.
func (e *exam) keeper(c jetstream.StreamConfig) {
	if c.Retention != jetstream.LimitsPolicy {
		e.unfit("its retention is "+c.Retention.String()+", so messages go when a consumer has seen them, or none was there",
			again(c, "limits retention"))
	}
	if c.Sealed {
		e.unfit("it is sealed: it takes no message", again(c, "the same subjects"))
	}
	if c.NoAck {
		e.unfit("it acknowledges nothing (no_ack), so nobody knows what it stored", edit(c, "--ack"))
	}
	if c.MaxMsgsPerSubject > 0 {
		e.unfit(fmt.Sprintf("it keeps only %d messages of a subject (max_msgs_per_subject)", c.MaxMsgsPerSubject),
			edit(c, "--max-msgs-per-subject=-1"))
	}
	if c.AllowMsgCounter {
		e.unfit("it takes nothing but counters (allow_msg_counter)", again(c, "no counters"))
	}
	e.window(c)
	if c.MaxMsgSize > 0 && c.MaxMsgSize < messageSize {
		e.weak(fmt.Sprintf("it takes at most %d bytes in a message; what is larger is cut down or waits", c.MaxMsgSize),
			edit(c, "--max-msg-size=-1"))
	}
	if full(c) && c.Discard == jetstream.DiscardNew {
		e.weak("once it is full it takes no more (max_msgs or max_bytes), and events wait", edit(c, "--max-msgs=-1 --max-bytes=-1"))
	}
}

// window refuses a stream that forgets an id before the same event can come again.
func (e *exam) window(c jetstream.StreamConfig) {
	if needed := 2 * e.longestAckWait; c.Duplicates < needed {
		e.unfit(fmt.Sprintf("its duplicate window of %s is under twice the acknowledgement wait of %s, so a repeat may pass for new",
			short(c.Duplicates), short(e.longestAckWait)),
			edit(c, "--dupe-window="+short(max(needed, e.settings.LinksDuplicateWindow)))+
				", or shorten the consumers' acknowledgement wait")
	} else if c.Duplicates < e.settings.LinksDuplicateWindow {
		e.weak(fmt.Sprintf("its duplicate window is %s, LINKS_DUPLICATE_WINDOW is %s", short(c.Duplicates), short(e.settings.LinksDuplicateWindow)),
			edit(c, "--dupe-window="+short(e.settings.LinksDuplicateWindow)))
	}
}

func (e *exam) links(c jetstream.StreamConfig) {
	if c.MaxAge > 0 && c.MaxAge < defaultAge {
		e.weak("it keeps links for "+short(c.MaxAge)+" only", edit(c, "--max-age="+short(defaultAge)))
	}
	if full(c) && c.Discard == jetstream.DiscardOld {
		e.weak("when it is full, links go that no notifier may have read (max_msgs or max_bytes, discard old)",
			edit(c, "--max-msgs=-1 --max-bytes=-1"))
	}
}

// deadLetters must stay until an operator removes them, and removable they must be.
func (e *exam) deadLetters(c jetstream.StreamConfig) {
	if c.MaxAge > 0 {
		e.unfit("dead letters vanish from it after "+short(c.MaxAge)+" (max_age)", edit(c, "--max-age=0s"))
	}
	if full(c) && c.Discard == jetstream.DiscardOld {
		e.unfit("when it is full, old dead letters vanish (max_msgs or max_bytes, discard old)",
			edit(c, "--max-msgs=-1 --max-bytes=-1"))
	}
	if c.DenyDelete && !c.Sealed { // sealing denies it, too
		e.unfit("it denies deletion, so no dead letter can be replayed or discarded", again(c, "no --deny-delete"))
	}
}

func (e *exam) billing(c jetstream.StreamConfig) {
	e.remembered(c)
	if c.MaxAge == 0 {
		e.weak(fmt.Sprintf("it keeps events for ever, and what is older than DEDUP_TTL (%s) is not known for a duplicate when it comes again",
			short(e.settings.DedupTTL)), edit(c, "--max-age="+short(min(defaultAge, e.settings.DedupTTL))))
	} else if c.MaxAge < min(defaultAge, e.settings.DedupTTL) {
		e.weak("an event that has not been worked on for "+short(c.MaxAge)+" vanishes (max_age)",
			edit(c, "--max-age="+short(min(defaultAge, e.settings.DedupTTL))))
	}
	if c.Duplicates < billingDuplicates {
		e.weak("its duplicate window is "+short(c.Duplicates)+", so a producer's later repeat, or that of a replay, is a new event",
			edit(c, "--dupe-window="+short(billingDuplicates)))
	}
	if c.NoAck {
		e.weak("it acknowledges nothing (no_ack), so a producer never knows whether its event is there", edit(c, "--ack"))
	}
	if c.Sealed {
		e.weak("it is sealed: no new event can come", again(c, "the same subjects"))
	}
	if c.AllowMsgCounter {
		e.weak("it takes nothing but counters (allow_msg_counter)", again(c, "no counters"))
	}
	e.billingLosses(c)
}

// billingLosses is how events may go before the worker has seen them, or before
// an operator has seen the original of a dead letter.
func (e *exam) billingLosses(c jetstream.StreamConfig) {
	if c.Retention != jetstream.LimitsPolicy {
		e.weak("its retention is "+c.Retention.String()+", so an event goes once it is settled, "+
			"and a dead letter that was too large to be whole cannot be replayed", again(c, "limits retention"))
	}
	if full(c) && c.Discard == jetstream.DiscardOld {
		e.weak("when it is full, events vanish unseen (max_msgs or max_bytes, discard old)", edit(c, "--discard=new"))
	}
	if c.MaxMsgsPerSubject > 0 {
		e.weak(fmt.Sprintf("it keeps only %d events of a subject; older ones vanish unseen (max_msgs_per_subject)", c.MaxMsgsPerSubject),
			edit(c, "--max-msgs-per-subject=-1"))
	}
}

// remembered refuses a stream that can bring an event again when its token has
// been forgotten.
func (e *exam) remembered(c jetstream.StreamConfig) {
	if c.MaxAge > e.settings.DedupTTL {
		e.unfit(fmt.Sprintf("it keeps events for %s, longer than their tokens are remembered (DEDUP_TTL, %s), so one that comes again may pass for new",
			short(c.MaxAge), short(e.settings.DedupTTL)),
			"set DEDUP_TTL="+short(c.MaxAge)+", or "+edit(c, "--max-age="+short(e.settings.DedupTTL)))
	}
}

// durability holds for every stream.
func (e *exam) durability(c jetstream.StreamConfig) {
	if c.Storage != jetstream.FileStorage {
		e.weak("it is kept in memory: a restart of the NATS server empties it", again(c, "file storage"))
	}
	if c.Replicas < e.settings.Replicas {
		e.weak(fmt.Sprintf("it has %d of NATS_REPLICAS=%d copies", c.Replicas, e.settings.Replicas),
			edit(c, fmt.Sprintf("--replicas=%d", e.settings.Replicas)))
	}
	if c.PersistMode == jetstream.AsyncPersistMode {
		e.weak("it acknowledges messages before they are written (persist_mode async)", again(c, "the default persist mode"))
	}
}

// full says that the stream can be.
func full(c jetstream.StreamConfig) bool { return c.MaxMsgs > 0 || c.MaxBytes > 0 }

// edit is the command that mends a stream.
func edit(c jetstream.StreamConfig, flags string) string {
	return "nats stream edit " + c.Name + " " + flags
}

// again says how to mend what cannot be edited.
func again(c jetstream.StreamConfig, with string) string {
	return fmt.Sprintf("no edit changes that: make it again with %s (nats stream backup %s, nats stream rm %s, linkworker provision)",
		with, c.Name, c.Name)
}

// short is d without the units that are zero: 24h, 1h30m, 15s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func list(subjects []string) string { return strings.Join(subjects, " or ") }
