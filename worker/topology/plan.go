package topology

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

const (
	// defaultAge is how long BILLING and LINKS keep what they are made for.
	defaultAge = 30 * 24 * time.Hour
	// billingDuplicates is how long BILLING knows a producer's repeat.
	billingDuplicates = time.Hour
	// maxAckPending bounds the events that a consumer has handed out. It is high
	// because those that wait for their next try count too.
	maxAckPending = 65536
	unlimited     = -1
)

// role is what a stream is for. One stream may have several.
type role string

const (
	billing     role = events.StreamBilling
	links       role = events.StreamLinks
	deadLetters role = events.StreamDeadLetters
)

// roles lists them in the order in which they are made and shown.
var roles = []role{billing, links, deadLetters}

// subjects of a role, each in a stream of its own if need be.
func (r role) subjects() []string {
	switch r {
	case billing:
		return []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested}
	case links:
		return []string{events.SubjectLinkCreated, events.SubjectLinkFailed}
	default:
		return []string{
			events.DeadLetterPrefix + events.SubjectInvoiceIssued,
			events.DeadLetterPrefix + events.SubjectSessionRequested,
		}
	}
}

// stream is the default stream of a role, for those of its subjects that no other
// stream carries.
func (r role) stream(subjects []string, s Settings) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:      string(r),
		Subjects:  subjects,
		Retention: jetstream.LimitsPolicy,
		Storage:   jetstream.FileStorage,
		// No limit is set; were one set later, a publisher should hear of it
		// rather than an older message vanish.
		Discard:     jetstream.DiscardNew,
		Replicas:    s.Replicas,
		AllowDirect: true,
		Duplicates:  s.LinksDuplicateWindow,
	}
	switch r {
	case billing:
		c.Description = "Events for linkworker, from billing systems"
		c.MaxAge, c.Duplicates = defaultAge, billingDuplicates
	case links:
		c.Description = "What linkworker made of events, for notifiers and billing systems"
		// The server allows no duplicate window that is longer than the age.
		c.MaxAge = max(defaultAge, s.LinksDuplicateWindow)
	case deadLetters:
		c.Description = "Events that linkworker could make nothing of, for operators"
	}
	return c
}

// reader is one of the worker's two consumers.
type reader struct{ name, subject string }

// readers lists them in the order in which they are made and shown.
var readers = []reader{
	{events.ConsumerInvoices, events.SubjectInvoiceIssued},
	{events.ConsumerSessions, events.SubjectSessionRequested},
}

// consumer is the reader's on the stream that carries its subject.
func (r reader) consumer(stream jetstream.StreamConfig, s Settings) jetstream.ConsumerConfig {
	pending := maxAckPending
	if limit := stream.ConsumerLimits.MaxAckPending; limit > 0 {
		pending = min(pending, limit)
	}
	return jetstream.ConsumerConfig{
		Durable:       r.name,
		Name:          r.name,
		Description:   "Shared by all replicas of linkworker",
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       s.AckWait,
		MaxDeliver:    unlimited,
		MaxAckPending: pending,
		FilterSubject: r.subject,
		ReplayPolicy:  jetstream.ReplayInstantPolicy,
	}
}
