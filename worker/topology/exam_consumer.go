package topology

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// fewestWaiting is how many requests for messages a consumer should let wait at
// once: each replica of the worker has some.
const fewestWaiting = 64

// consumer examines a reader's consumer on its stream.
func (e *exam) consumer(r reader, info *jetstream.ConsumerInfo, stream jetstream.StreamConfig) {
	c := info.Config
	anew := fmt.Sprintf("stop the workers, nats consumer rm %s %s, then linkworker provision "+
		"(what had not been acknowledged comes again, and duplicates are known)", stream.Name, r.name)
	e.readable(r, c, stream, anew)
	e.patient(r, c, stream)
	e.lively(r, info, stream, anew)
}

// readable refuses a consumer that does not hand out each event of its subject,
// whole, until it is acknowledged.
func (e *exam) readable(r reader, c jetstream.ConsumerConfig, stream jetstream.StreamConfig, anew string) {
	if c.DeliverSubject != "" {
		e.unfit("it is a push consumer, the worker pulls", anew)
	}
	if c.Durable == "" {
		e.unfit("it is not durable: how far it came is forgotten", anew)
	}
	if c.AckPolicy != jetstream.AckExplicitPolicy {
		e.unfit("its acknowledgement policy is "+c.AckPolicy.String()+", so events are settled that nobody worked on", anew)
	}
	if c.MaxDeliver > 0 {
		e.unfit(fmt.Sprintf("it gives an event up after %d deliveries, without a word (max_deliver)", c.MaxDeliver),
			editConsumer(stream, r, "--max-deliver=-1"))
	}
	if filters := filtersOf(c, stream); !slices.Equal(filters, []string{r.subject}) {
		e.unfit(fmt.Sprintf("it takes %s in place of %s alone", list(filters), r.subject),
			editConsumer(stream, r, "--filter="+r.subject))
	}
	if c.HeadersOnly {
		e.unfit("it leaves out the bodies (headers_only)", editConsumer(stream, r, "--no-headers-only"))
	}
	if c.PriorityPolicy != jetstream.PriorityPolicyNone || len(c.PriorityGroups) > 0 {
		e.unfit("it hands out events to priority groups only, of which the worker is in none", anew)
	}
}

// filtersOf is what the consumer takes; without a filter, all that its stream has.
func filtersOf(c jetstream.ConsumerConfig, stream jetstream.StreamConfig) []string {
	switch {
	case len(c.FilterSubjects) > 0:
		return c.FilterSubjects
	case c.FilterSubject != "":
		return []string{c.FilterSubject}
	default:
		return stream.Subjects
	}
}

// patient warns of a consumer that waits otherwise than configured.
func (e *exam) patient(r reader, c jetstream.ConsumerConfig, stream jetstream.StreamConfig) {
	if len(c.BackOff) > 0 {
		e.weak("it has a backoff of its own, beside the worker's", editConsumer(stream, r, "--backoff=none"))
	}
	if c.AckWait != e.settings.AckWait {
		e.weak(fmt.Sprintf("its acknowledgement wait is %s, ACK_WAIT is %s", short(c.AckWait), short(e.settings.AckWait)),
			editConsumer(stream, r, "--wait="+short(e.settings.AckWait)))
	}
	if c.MaxAckPending > 0 && c.MaxAckPending < maxAckPending {
		e.weak(fmt.Sprintf("it hands out %d events at once, waiting ones included, and %d are meant: when many wait, none comes",
			c.MaxAckPending, maxAckPending), editConsumer(stream, r, fmt.Sprintf("--max-pending=%d", maxAckPending)))
	}
	if c.MaxRequestBatch > 0 || c.MaxRequestExpires > 0 || c.MaxRequestMaxBytes > 0 {
		e.weak("it refuses requests beyond a limit (max_batch, max_expires, max_bytes), and the worker may ask for more; then no event comes",
			editConsumer(stream, r, "--interactive, and take them out"))
	}
}

// lively warns of a consumer that may not tell all, or not at once, or forgets.
func (e *exam) lively(r reader, info *jetstream.ConsumerInfo, stream jetstream.StreamConfig, anew string) {
	c := info.Config
	if info.Paused {
		e.weak("it is paused: no event comes", fmt.Sprintf("nats consumer resume %s %s", stream.Name, r.name))
	}
	if c.DeliverPolicy != jetstream.DeliverAllPolicy {
		e.weak("it did not begin with the first event (deliver "+c.DeliverPolicy.String()+"), so older ones were left out", anew)
	}
	if c.ReplayPolicy != jetstream.ReplayInstantPolicy {
		e.weak("it hands out old events no faster than they once came (replay original)", anew)
	}
	if c.RateLimit > 0 {
		e.weak(fmt.Sprintf("it is held to %d bits a second", c.RateLimit), anew)
	}
	if c.MaxWaiting > 0 && c.MaxWaiting < fewestWaiting {
		e.weak(fmt.Sprintf("it lets only %d requests wait, of all replicas", c.MaxWaiting), anew)
	}
	if c.InactiveThreshold > 0 {
		e.weak("it is removed when no worker asks for "+short(c.InactiveThreshold)+", and all events come again",
			editConsumer(stream, r, "--interactive, and take inactive_threshold out"))
	}
	if c.MemoryStorage && stream.Storage == jetstream.FileStorage {
		e.weak("it is kept in memory: after a restart of the NATS server all events come again", anew)
	}
	if c.Replicas > 0 && c.Replicas < stream.Replicas {
		e.weak(fmt.Sprintf("it has %d of its stream's %d copies", c.Replicas, stream.Replicas),
			editConsumer(stream, r, fmt.Sprintf("--replicas=%d", stream.Replicas)))
	}
}

// editConsumer is the command that mends a consumer.
func editConsumer(stream jetstream.StreamConfig, r reader, flags string) string {
	return "nats consumer edit " + stream.Name + " " + r.name + " " + flags
}
