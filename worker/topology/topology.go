package topology

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Settings is what the worker is configured to stand on. A zero field stands for
// its default.
type Settings struct {
	// Replicas is the number of copies of a stream that is made; 1.
	Replicas int
	// AckWait is the acknowledgement wait of a consumer that is made; 15 s.
	AckWait time.Duration
	// LinksDuplicateWindow is how long LINKS and DEADLETTERS know a repeat by its
	// id; 24 h.
	LinksDuplicateWindow time.Duration
	// DedupTTL is how long the worker remembers a token; 30 days. BILLING must not
	// keep an event for longer.
	DedupTTL time.Duration
}

func (s Settings) withDefaults() Settings {
	if s.Replicas == 0 {
		s.Replicas = 1
	}
	if s.AckWait == 0 {
		s.AckWait = 15 * time.Second
	}
	if s.LinksDuplicateWindow == 0 {
		s.LinksDuplicateWindow = 24 * time.Hour
	}
	if s.DedupTTL == 0 {
		s.DedupTTL = defaultAge
	}
	return s
}

// Topology is what the worker stands on, as it was found.
type Topology struct {
	// Streams has the name of the stream that carries a subject.
	Streams map[string]string
	// Consumers has the consumer of each subject that the worker reads.
	Consumers map[string]jetstream.Consumer
	// AckWait has the actual acknowledgement wait of each of these consumers, by
	// subject; the shortest, where one has several.
	AckWait map[string]time.Duration
	// Findings is what is not as it should be.
	Findings []Finding
	// Objects lists the streams, then the consumers.
	Objects []Object
}

// Object is a stream or a consumer that is there or should be.
type Object struct {
	// Kind is [KindStream] or [KindConsumer].
	Kind string
	Name string
	// Stream is that of a consumer; "" while there is none.
	Stream string
	// Subjects are those of the worker's subjects that it carries.
	Subjects []string
	// Exists says that it is there, Made that [Ensure] has just made it.
	Exists, Made bool
}

// The kinds of an [Object].
const (
	KindStream   = "stream"
	KindConsumer = "consumer"
)

// String is what findings call the object.
func (o Object) String() string { return o.Kind + " " + o.Name }

// with returns the findings of this severity.
func (t *Topology) with(severity Severity) []Finding {
	var some []Finding
	for _, f := range t.Findings {
		if f.Severity == severity {
			some = append(some, f)
		}
	}
	return some
}

// rounds bounds how often Ensure looks again. Streams come first and consumers
// next, and other workers that start at the same time may make either.
const rounds = 6

// Ensure makes what is missing and alters nothing that exists. The findings of
// what it returns are all [Weak]. Where something is unfit it makes nothing and
// the error is an [*UnfitError]; the Topology beside it has all findings.
func Ensure(ctx context.Context, js jetstream.JetStream, s Settings) (*Topology, error) {
	s = s.withDefaults()
	made := make(map[string]bool)
	var missing []Finding
	for range rounds {
		scene, err := look(ctx, js)
		if err != nil {
			return nil, err
		}
		t := scene.topology(s, made)
		if unfit := t.with(Unfit); len(unfit) > 0 {
			return t, &UnfitError{Findings: unfit}
		}
		if missing = t.with(Missing); len(missing) == 0 {
			return t, nil
		}
		if err := scene.makeMissing(ctx, js, s, made); err != nil {
			return t, err
		}
	}
	return nil, fmt.Errorf("%s: it was made, and is not there; does someone remove it?", missing[0].Object)
}

// Inspect only looks. It is an error only when NATS cannot be asked.
func Inspect(ctx context.Context, js jetstream.JetStream, s Settings) (*Topology, error) {
	scene, err := look(ctx, js)
	if err != nil {
		return nil, err
	}
	return scene.topology(s.withDefaults(), nil), nil
}
