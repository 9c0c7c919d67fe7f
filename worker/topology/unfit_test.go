package topology

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// spoilt is one thing that is not as it should be, and what is said of it.
type spoilt struct {
	name     string
	stream   func(*jetstream.StreamConfig)   // spoils the stream of the role
	update   func(*jetstream.StreamConfig)   // likewise, where only an update may
	consumer func(*jetstream.ConsumerConfig) // spoils the consumer of invoices
	object   string
	problem  string
	mend     string
}

// test sets the spoilt thing up and wants exactly one finding.
func (tt spoilt) test(t *testing.T, r role, severity Severity) {
	js := newJetStream(t)
	c := good(r)
	if tt.stream != nil {
		tt.stream(&c)
	}
	makeStream(t, js, c)
	if tt.update != nil {
		tt.update(&c)
		if _, err := js.UpdateStream(testContext(t), c); err != nil {
			t.Fatal(err)
		}
	}
	if tt.consumer != nil {
		c := goodConsumer()
		tt.consumer(&c)
		makeConsumer(t, js, c)
	}
	found, err := Ensure(testContext(t), js, Settings{})
	var unfit *UnfitError
	if got := errors.As(err, &unfit); got != (severity == Unfit) || (err != nil && !got) {
		t.Fatalf("error %v", err)
	}
	if severity == Unfit {
		if all := names(t, js); len(all) != 1 {
			t.Errorf("made streams: %v", all)
		}
		if !strings.Contains(err.Error(), tt.problem) {
			t.Errorf("error %q does not say %q", err, tt.problem)
		}
	}
	findings := found.with(severity)
	if len(findings) != 1 || severity == Weak && len(found.Findings) != 1 {
		t.Fatalf("findings %v", found.Findings)
	}
	f := findings[0]
	if f.Object != tt.object || !strings.Contains(f.Problem, tt.problem) || !strings.Contains(f.Mend, tt.mend) || f.Mend == "" {
		t.Errorf("finding %+v", f)
	}
}

func makeConsumer(t *testing.T, js jetstream.JetStream, c jetstream.ConsumerConfig) {
	t.Helper()
	var err error
	if c.DeliverSubject != "" {
		_, err = js.CreatePushConsumer(testContext(t), events.StreamBilling, c)
	} else {
		_, err = js.CreateConsumer(testContext(t), events.StreamBilling, c)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnfitStreams(t *testing.T) {
	for _, r := range []role{links, deadLetters} {
		name := string(r)
		for _, tt := range []spoilt{
			{name: "interest retention", problem: "retention is Interest", mend: "nats stream backup " + name,
				stream: func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }},
			{name: "work queue", problem: "retention is WorkQueue",
				stream: func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }},
			{name: "sealed", problem: "sealed", update: func(c *jetstream.StreamConfig) { c.Sealed = true; c.MaxAge = 0; c.Discard = jetstream.DiscardNew }},
			{name: "no acknowledgements", problem: "no_ack", mend: "nats stream edit " + name + " --ack",
				stream: func(c *jetstream.StreamConfig) { c.NoAck = true }},
			{name: "few of a subject", problem: "only 9 messages", mend: "--max-msgs-per-subject=-1",
				stream: func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 9 }},
			{name: "one of a subject, the new one refused", problem: "only 1 messages",
				stream: func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1; c.DiscardNewPerSubject = true }},
			{name: "short window", problem: "window of 29s is under twice", mend: "nats stream edit " + name + " --dupe-window=24h",
				stream: func(c *jetstream.StreamConfig) { c.Duplicates = 29 * time.Second }},
			{name: "another subject", problem: "another subject", mend: "--no-transform",
				stream: func(c *jetstream.StreamConfig) {
					c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: c.Subjects[0], Destination: "elsewhere"}
				}},
			{name: "subjects of others only", problem: "does not carry " + r.subjects()[0] + " or", mend: "--subjects=else,",
				stream: func(c *jetstream.StreamConfig) { c.Subjects = []string{"else"} }},
			{name: "one subject lacks", problem: "does not carry " + r.subjects()[1], mend: "--subjects=" + strings.Join(r.subjects(), ","),
				stream: func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:1] }},
		} {
			tt.object = "stream " + name
			t.Run(name+"/"+tt.name, func(t *testing.T) { t.Parallel(); tt.test(t, r, Unfit) })
		}
	}
	for _, tt := range []spoilt{
		{name: "ages", problem: "vanish from it after 24h", mend: "--max-age=0s",
			stream: func(c *jetstream.StreamConfig) { c.MaxAge = 24 * time.Hour }},
		{name: "old ones go by number", problem: "old dead letters vanish", mend: "--max-msgs=-1",
			stream: func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000; c.Discard = jetstream.DiscardOld }},
		{name: "old ones go by size", problem: "old dead letters vanish",
			stream: func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20; c.Discard = jetstream.DiscardOld }},
		{name: "denies deletion", problem: "denies deletion", mend: "no edit changes that",
			stream: func(c *jetstream.StreamConfig) { c.DenyDelete = true }},
	} {
		tt.object = "stream DEADLETTERS"
		t.Run("DEADLETTERS/"+tt.name, func(t *testing.T) { t.Parallel(); tt.test(t, deadLetters, Unfit) })
	}
	for _, tt := range []spoilt{
		{name: "keeps events for longer than tokens are known", problem: "721h, longer than", mend: "set DEDUP_TTL=721h",
			stream: func(c *jetstream.StreamConfig) { c.MaxAge = 721 * time.Hour }},
		{name: "subjects of others only", problem: "does not carry invoice.issued or session.requested",
			stream: func(c *jetstream.StreamConfig) { c.Subjects = []string{"else"} }},
	} {
		tt.object = "stream BILLING"
		t.Run("BILLING/"+tt.name, func(t *testing.T) { t.Parallel(); tt.test(t, billing, Unfit) })
	}
}

func TestUnfitConsumers(t *testing.T) {
	for _, tt := range []spoilt{
		{name: "push", problem: "push consumer", consumer: func(c *jetstream.ConsumerConfig) { c.DeliverSubject = "there" }},
		{name: "not durable", problem: "not durable",
			consumer: func(c *jetstream.ConsumerConfig) { c.Durable = ""; c.InactiveThreshold = 0 }},
		{name: "acknowledges all before", problem: "policy is AckAll", consumer: func(c *jetstream.ConsumerConfig) { c.AckPolicy = jetstream.AckAllPolicy }},
		{name: "acknowledges nothing", problem: "policy is AckNone",
			consumer: func(c *jetstream.ConsumerConfig) {
				c.AckPolicy = jetstream.AckNonePolicy
				c.MaxAckPending = 0
				c.AckWait = 0
			}},
		{name: "gives up", problem: "after 5 deliveries", mend: "nats consumer edit BILLING linkworker-invoices --max-deliver=-1",
			consumer: func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 5 }},
		{name: "takes sessions", problem: "it takes session.requested in place of invoice.issued alone", mend: "--filter=invoice.issued",
			consumer: func(c *jetstream.ConsumerConfig) { c.FilterSubject = "session.requested" }},
		{name: "takes sessions too", problem: "it takes invoice.issued or session.requested in place of",
			consumer: func(c *jetstream.ConsumerConfig) {
				c.FilterSubject, c.FilterSubjects = "", []string{"invoice.issued", "session.requested"}
			}},
		{name: "takes all", problem: "it takes invoice.issued or session.requested in place of",
			consumer: func(c *jetstream.ConsumerConfig) { c.FilterSubject = "" }},
		{name: "takes a pattern", problem: "it takes invoice.* in place of",
			consumer: func(c *jetstream.ConsumerConfig) { c.FilterSubject = "invoice.*" }},
		{name: "bodies left out", problem: "headers_only", consumer: func(c *jetstream.ConsumerConfig) { c.HeadersOnly = true }},
		{name: "priority groups", problem: "priority groups", consumer: func(c *jetstream.ConsumerConfig) {
			c.PriorityPolicy, c.PriorityGroups = jetstream.PriorityPolicyOverflow, []string{"first"}
		}},
	} {
		tt.object = "consumer linkworker-invoices"
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.name == "acknowledges nothing" {
				// It has no acknowledgement wait either, which is a finding, too.
				tt.testAckNone(t)
				return
			}
			tt.test(t, billing, Unfit)
		})
	}
}

func (tt spoilt) testAckNone(t *testing.T) {
	js := newJetStream(t)
	makeStream(t, js, good(billing))
	c := goodConsumer()
	tt.consumer(&c)
	makeConsumer(t, js, c)
	found, err := Ensure(testContext(t), js, Settings{})
	if unfit := found.with(Unfit); err == nil || len(unfit) != 1 || !strings.Contains(unfit[0].Problem, tt.problem) {
		t.Errorf("error %v, findings %v", err, found.Findings)
	}
}

// A consumer without a filter on a stream of its one subject is as good.
func TestConsumerWithoutAFilter(t *testing.T) {
	js := newJetStream(t)
	c := good(billing)
	c.Subjects = []string{events.SubjectInvoiceIssued}
	makeStream(t, js, c)
	makeStream(t, js, jetstream.StreamConfig{Name: "SESSIONS", Subjects: []string{events.SubjectSessionRequested}, MaxAge: defaultAge, Duplicates: time.Hour})
	consumer := goodConsumer()
	consumer.FilterSubject = ""
	makeConsumer(t, js, consumer)
	if found := ensure(t, js, Settings{}); len(found.Findings) > 0 {
		t.Errorf("findings %v", found.Findings)
	}
}

// The window counts against the waits that consumers have, not the configured one.
func TestWindowIsHeldAgainstTheActualWait(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*jetstream.ConsumerConfig)
	}{
		{"acknowledgement wait", func(c *jetstream.ConsumerConfig) { c.AckWait = 20 * time.Minute }},
		{"backoff", func(c *jetstream.ConsumerConfig) {
			c.BackOff = []time.Duration{time.Second, 20 * time.Minute, time.Minute}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			js := newJetStream(t)
			makeStream(t, js, good(billing))
			c := good(links)
			c.Duplicates = 39 * time.Minute
			makeStream(t, js, c)
			consumer := goodConsumer()
			tt.spoil(&consumer)
			makeConsumer(t, js, consumer)
			found, err := Ensure(testContext(t), js, Settings{})
			unfit := new(UnfitError)
			if !errors.As(err, &unfit) || len(unfit.Findings) != 1 || unfit.Findings[0].Object != "stream LINKS" {
				t.Errorf("error %v", err)
			}
			shortest := consumer.AckWait
			if len(consumer.BackOff) > 0 {
				shortest = time.Second
			}
			if got := found.AckWait[events.SubjectInvoiceIssued]; got != shortest {
				t.Errorf("acknowledgement wait %s, want %s", got, shortest)
			}
		})
	}
}

func TestEveryUnfitFindingIsTold(t *testing.T) {
	js := newJetStream(t)
	for _, r := range roles {
		c := good(r)
		c.NoAck, c.MaxMsgsPerSubject = true, 5
		if r == billing {
			c.MaxAge = 2 * defaultAge
		}
		makeStream(t, js, c)
	}
	consumer := goodConsumer()
	consumer.MaxDeliver, consumer.HeadersOnly = 3, true
	makeConsumer(t, js, consumer)
	_, err := Ensure(testContext(t), js, Settings{})
	unfit := new(UnfitError)
	if !errors.As(err, &unfit) {
		t.Fatal(err)
	}
	if len(unfit.Findings) != 7 {
		t.Errorf("%d findings: %v", len(unfit.Findings), err)
	}
	for _, word := range []string{"LINKS", "DEADLETTERS", "BILLING", "linkworker-invoices", "no_ack", "max_msgs_per_subject", "DEDUP_TTL",
		"max_deliver", "headers_only"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not name %s", err, word)
		}
	}
}
