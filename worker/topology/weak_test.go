package topology

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestWeakStreams(t *testing.T) {
	for _, r := range roles {
		name := string(r)
		for _, tt := range []spoilt{
			{name: "memory", problem: "kept in memory", stream: func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }},
			{name: "asynchronous", problem: "before they are written", stream: func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }},
		} {
			tt.object = "stream " + name
			t.Run(name+"/"+tt.name, func(t *testing.T) { t.Parallel(); tt.test(t, r, Weak) })
		}
	}
	for _, r := range []role{links, deadLetters} {
		name := string(r)
		for _, tt := range []spoilt{
			{name: "shorter window", problem: "window is 30s, LINKS_DUPLICATE_WINDOW is 24h", mend: "nats stream edit " + name + " --dupe-window=24h",
				stream: func(c *jetstream.StreamConfig) { c.Duplicates = 30 * time.Second }},
			{name: "small messages", problem: "at most 524287 bytes", stream: func(c *jetstream.StreamConfig) { c.MaxMsgSize = 512<<10 - 1 }},
			{name: "full", problem: "takes no more", stream: func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }},
		} {
			tt.object = "stream " + name
			t.Run(name+"/"+tt.name, func(t *testing.T) { t.Parallel(); tt.test(t, r, Weak) })
		}
	}
	for _, tt := range []spoilt{
		{name: "age", problem: "for 48h only", mend: "--max-age=720h", stream: func(c *jetstream.StreamConfig) { c.MaxAge = 48 * time.Hour }},
		{name: "full, old ones go", problem: "no notifier may have read",
			stream: func(c *jetstream.StreamConfig) { c.MaxMsgs = 100; c.Discard = jetstream.DiscardOld }},
	} {
		tt.object = "stream LINKS"
		t.Run("LINKS/"+tt.name, func(t *testing.T) { t.Parallel(); tt.test(t, links, Weak) })
	}
	for _, tt := range []spoilt{
		{name: "for ever", problem: "keeps events for ever", mend: "--max-age=720h", stream: func(c *jetstream.StreamConfig) { c.MaxAge = 0 }},
		{name: "short age", problem: "for 48h vanishes", stream: func(c *jetstream.StreamConfig) { c.MaxAge = 48 * time.Hour }},
		{name: "short window", problem: "window is 2m", mend: "--dupe-window=1h", stream: func(c *jetstream.StreamConfig) { c.Duplicates = 2 * time.Minute }},
		{name: "no acknowledgements", problem: "no_ack", stream: func(c *jetstream.StreamConfig) { c.NoAck = true }},
		{name: "work queue", problem: "retention is WorkQueue", stream: func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }},
		{name: "full, old ones go", problem: "vanish unseen", mend: "--discard=new",
			stream: func(c *jetstream.StreamConfig) { c.MaxMsgs = 100; c.Discard = jetstream.DiscardOld }},
		{name: "few of a subject", problem: "only 100 events", stream: func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 100 }},
	} {
		tt.object = "stream BILLING"
		t.Run("BILLING/"+tt.name, func(t *testing.T) { t.Parallel(); tt.test(t, billing, Weak) })
	}
}

func TestWeakConsumers(t *testing.T) {
	for _, tt := range []spoilt{
		{name: "wait", problem: "wait is 30s, ACK_WAIT is 15s", mend: "nats consumer edit BILLING linkworker-invoices --wait=15s",
			consumer: func(c *jetstream.ConsumerConfig) { c.AckWait = 30 * time.Second }},
		{name: "backoff", problem: "backoff", mend: "--backoff=none",
			consumer: func(c *jetstream.ConsumerConfig) { c.BackOff = []time.Duration{15 * time.Second, time.Minute} }},
		{name: "pending", problem: "hands out 1000 events", mend: "--max-pending=65536", consumer: func(c *jetstream.ConsumerConfig) { c.MaxAckPending = 1000 }},
		{name: "limited requests", problem: "refuses requests", consumer: func(c *jetstream.ConsumerConfig) { c.MaxRequestBatch = 10 }},
		{name: "paused", problem: "paused", mend: "nats consumer resume BILLING linkworker-invoices", consumer: func(c *jetstream.ConsumerConfig) {
			until := time.Now().Add(time.Hour)
			c.PauseUntil = &until
		}},
		{name: "new events only", problem: "deliver new", consumer: func(c *jetstream.ConsumerConfig) { c.DeliverPolicy = jetstream.DeliverNewPolicy }},
		{name: "slow", problem: "replay original", consumer: func(c *jetstream.ConsumerConfig) { c.ReplayPolicy = jetstream.ReplayOriginalPolicy }},
		{name: "few requests", problem: "only 2 requests", consumer: func(c *jetstream.ConsumerConfig) { c.MaxWaiting = 2 }},
		{name: "removed", problem: "for 1h, and all events come again", consumer: func(c *jetstream.ConsumerConfig) { c.InactiveThreshold = time.Hour }},
		{name: "memory", problem: "kept in memory", consumer: func(c *jetstream.ConsumerConfig) { c.MemoryStorage = true }},
	} {
		tt.object = "consumer linkworker-invoices"
		t.Run(tt.name, func(t *testing.T) { t.Parallel(); tt.test(t, billing, Weak) })
	}
}
