package topology

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"github.com/linkworker/linkworker/events"
)

func TestEnsureMakesEverything(t *testing.T) {
	js := newJetStream(t)
	found := ensure(t, js, Settings{Replicas: 1, AckWait: 20 * time.Second, LinksDuplicateWindow: 3 * time.Hour, DedupTTL: 720 * time.Hour})
	if len(found.Findings) > 0 {
		t.Errorf("findings: %v", found.Findings)
	}
	for _, tt := range []struct {
		name     string
		subjects []string
		age      time.Duration
		window   time.Duration
	}{
		{"BILLING", []string{"invoice.issued", "session.requested"}, 720 * time.Hour, time.Hour},
		{"LINKS", []string{"link.created", "link.failed"}, 720 * time.Hour, 3 * time.Hour},
		{"DEADLETTERS", []string{"deadletter.invoice.issued", "deadletter.session.requested"}, 0, 3 * time.Hour},
	} {
		c := streamConfig(t, js, tt.name)
		if !slices.Equal(c.Subjects, tt.subjects) || c.MaxAge != tt.age || c.Duplicates != tt.window || c.Replicas != 1 ||
			c.Retention != jetstream.LimitsPolicy || c.Storage != jetstream.FileStorage || c.MaxMsgs > 0 || c.MaxBytes > 0 ||
			c.MaxMsgsPerSubject > 0 || c.DenyDelete || c.DenyPurge || c.NoAck || !c.AllowDirect {
			t.Errorf("stream %s: %+v", tt.name, c)
		}
		for _, subject := range tt.subjects {
			if found.Streams[subject] != tt.name {
				t.Errorf("%s is said to be in %q", subject, found.Streams[subject])
			}
		}
	}
	for subject, name := range map[string]string{"invoice.issued": "linkworker-invoices", "session.requested": "linkworker-sessions"} {
		c := found.Consumers[subject].CachedInfo().Config
		if c.Durable != name || c.FilterSubject != subject || c.AckPolicy != jetstream.AckExplicitPolicy || c.AckWait != 20*time.Second ||
			c.MaxAckPending != 65536 || c.MaxDeliver != -1 || len(c.BackOff) > 0 || c.DeliverPolicy != jetstream.DeliverAllPolicy ||
			c.DeliverSubject != "" || c.Replicas != 0 {
			t.Errorf("consumer %s: %+v", name, c)
		}
		if found.AckWait[subject] != 20*time.Second {
			t.Errorf("acknowledgement wait of %s: %s", subject, found.AckWait[subject])
		}
	}
	for _, o := range found.Objects {
		if !o.Made || !o.Exists {
			t.Errorf("%s: made %v, exists %v", o, o.Made, o.Exists)
		}
	}
}

func TestEnsureLeavesAloneWhatExists(t *testing.T) {
	js := newJetStream(t)
	ensure(t, js, Settings{})
	before := map[string]jetstream.StreamConfig{}
	for _, name := range names(t, js) {
		before[name] = streamConfig(t, js, name)
	}
	// Other settings than at the first start: warnings, and nothing changes.
	found := ensure(t, js, Settings{AckWait: time.Minute, LinksDuplicateWindow: 48 * time.Hour, Replicas: 3})
	for _, o := range found.Objects {
		if o.Made || !o.Exists {
			t.Errorf("%s: made %v, exists %v", o, o.Made, o.Exists)
		}
	}
	for name, want := range before {
		if got := streamConfig(t, js, name); got.Duplicates != want.Duplicates || got.Replicas != want.Replicas || got.MaxAge != want.MaxAge {
			t.Errorf("stream %s has changed: %+v", name, got)
		}
	}
	for subject, c := range found.Consumers {
		if wait := c.CachedInfo().Config.AckWait; wait != 15*time.Second || found.AckWait[subject] != wait {
			t.Errorf("acknowledgement wait of %s is %s, told as %s", subject, wait, found.AckWait[subject])
		}
	}
	for _, f := range found.Findings {
		if f.Severity != Weak || f.Mend == "" {
			t.Errorf("finding %+v", f)
		}
	}
	// 3 streams with fewer copies, 2 windows, 2 waits.
	if len(found.Findings) != 7 {
		t.Errorf("%d findings: %v", len(found.Findings), found.Findings)
	}
}

func TestEnsureUsesStreamsOfOtherNames(t *testing.T) {
	day, month := 24*time.Hour, 720*time.Hour
	for _, tt := range []struct {
		name    string
		streams []jetstream.StreamConfig
		want    map[string]string // the others are in the default streams
		made    []string
	}{
		{
			name:    "the events, under one name",
			streams: []jetstream.StreamConfig{{Name: "SHOP", Subjects: []string{"invoice.*", "session.*"}, MaxAge: month}},
			want:    map[string]string{"invoice.issued": "SHOP", "session.requested": "SHOP"},
			made:    []string{"DEADLETTERS", "LINKS"},
		},
		{
			name:    "one of the events",
			streams: []jetstream.StreamConfig{{Name: "SHOP", Subjects: []string{"invoice.issued"}, MaxAge: month}},
			want:    map[string]string{"invoice.issued": "SHOP"},
			made:    []string{"BILLING", "DEADLETTERS", "LINKS"},
		},
		{
			name: "each subject in a stream of its own",
			streams: []jetstream.StreamConfig{
				{Name: "A", Subjects: []string{"invoice.issued"}, MaxAge: month},
				{Name: "B", Subjects: []string{"session.requested"}, MaxAge: month},
				{Name: "C", Subjects: []string{"link.created"}, Duplicates: day},
				{Name: "D", Subjects: []string{"link.failed"}, Duplicates: day},
				{Name: "E", Subjects: []string{"deadletter.invoice.>"}, Duplicates: day},
				{Name: "F", Subjects: []string{"deadletter.session.>"}, Duplicates: day},
			},
			want: map[string]string{"invoice.issued": "A", "session.requested": "B", "link.created": "C", "link.failed": "D",
				"deadletter.invoice.issued": "E", "deadletter.session.requested": "F"},
		},
		{
			name: "a default name carries another's subject",
			streams: []jetstream.StreamConfig{
				{Name: "BILLING", Subjects: []string{"invoice.issued", "session.requested", "link.>"}, MaxAge: month, Duplicates: day},
			},
			want: map[string]string{"link.created": "BILLING", "link.failed": "BILLING"},
			made: []string{"DEADLETTERS"},
		},
		{
			name: "all in one, by wildcards",
			streams: []jetstream.StreamConfig{
				{Name: "LINKS", Subjects: []string{"invoice.*", "session.>", "link.>", "deadletter.*.*"}, Duplicates: day},
			},
			want: map[string]string{"invoice.issued": "LINKS", "session.requested": "LINKS", "deadletter.invoice.issued": "LINKS",
				"deadletter.session.requested": "LINKS"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			js := newJetStream(t)
			for _, c := range tt.streams {
				makeStream(t, js, c)
			}
			found := ensure(t, js, Settings{})
			want := map[string]string{}
			for _, r := range roles {
				for _, subject := range r.subjects() {
					want[subject] = string(r)
				}
			}
			maps.Copy(want, tt.want)
			if !maps.Equal(found.Streams, want) {
				t.Errorf("streams %v, want %v", found.Streams, want)
			}
			var made []string
			for _, o := range found.Objects {
				if o.Made && o.Kind == KindStream {
					made = append(made, o.Name)
				}
			}
			slices.Sort(made)
			if !slices.Equal(made, tt.made) {
				t.Errorf("made %v, want %v", made, tt.made)
			}
			for _, subject := range subjects() {
				if _, err := js.Publish(testContext(t), subject, nil, jetstream.WithExpectStream(want[subject])); err != nil {
					t.Errorf("publishing to %s: %v", subject, err)
				}
			}
			for _, r := range readers {
				msg, err := found.Consumers[r.subject].Next(jetstream.FetchMaxWait(5 * time.Second))
				if err != nil || msg.Subject() != r.subject {
					t.Errorf("consumer of %s: %v, %v", r.subject, msg, err)
				}
			}
		})
	}
}

// The replicas of a worker start together.
func TestEnsureAtTheSameTime(t *testing.T) {
	s := run(t, server.Options{JetStream: true})
	var group sync.WaitGroup
	for i := range 8 {
		js := connect(t, s.ClientURL())
		group.Go(func() {
			// Settings that differ make the late ones lose the race.
			settings := Settings{AckWait: time.Duration(15+i) * time.Second, LinksDuplicateWindow: time.Duration(24+i) * time.Hour}
			found, err := Ensure(t.Context(), js, settings)
			if err != nil {
				t.Error(err)
				return
			}
			if len(found.Streams) != 6 || len(found.Consumers) != 2 {
				t.Errorf("%d subjects and %d consumers", len(found.Streams), len(found.Consumers))
			}
		})
	}
	group.Wait()
}

func TestInspectMakesNothing(t *testing.T) {
	js := newJetStream(t)
	found := inspect(t, js, Settings{})
	if all := names(t, js); len(all) > 0 {
		t.Errorf("streams %v", all)
	}
	if len(found.Objects) != 5 || len(found.with(Missing)) != 5 || len(found.Findings) != 5 {
		t.Errorf("objects %v, findings %v", found.Objects, found.Findings)
	}
	for _, o := range found.Objects {
		if o.Exists || o.Made {
			t.Errorf("%+v", o)
		}
	}
	ensure(t, js, Settings{})
	if found := inspect(t, js, Settings{}); len(found.Findings) > 0 || len(found.Consumers) != 2 {
		t.Errorf("findings %v", found.Findings)
	}
}

// A consumer that an operator has removed is made again, and nothing else.
func TestEnsureMakesAConsumerAgain(t *testing.T) {
	js := newJetStream(t)
	ensure(t, js, Settings{})
	if err := js.DeleteConsumer(testContext(t), "BILLING", "linkworker-sessions"); err != nil {
		t.Fatal(err)
	}
	for _, o := range ensure(t, js, Settings{}).Objects {
		if o.Made != (o.Name == "linkworker-sessions") {
			t.Errorf("%+v", o)
		}
	}
}

func TestEnsureRefusesSettingsThatMakeUnfitStreams(t *testing.T) {
	for name, s := range map[string]Settings{
		"tokens forgotten before their events": {DedupTTL: 24 * time.Hour},
		"ids forgotten before a redelivery":    {LinksDuplicateWindow: 20 * time.Second, AckWait: 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			js := newJetStream(t)
			_, err := Ensure(testContext(t), js, s)
			if unfit := new(UnfitError); !errors.As(err, &unfit) {
				t.Errorf("error %v", err)
			}
			if all := names(t, js); len(all) > 0 {
				t.Errorf("made %v", all)
			}
		})
	}
}

// The server allows no duplicate window that is longer than the age.
func TestEnsureWithAWindowOfAYear(t *testing.T) {
	js := newJetStream(t)
	ensure(t, js, Settings{LinksDuplicateWindow: 8760 * time.Hour})
	if c := streamConfig(t, js, "LINKS"); c.Duplicates != 8760*time.Hour || c.MaxAge != c.Duplicates {
		t.Errorf("window %s, age %s", c.Duplicates, c.MaxAge)
	}
}

func TestEnsureSaysWhatToSetWhereThereAreFewServers(t *testing.T) {
	_, err := Ensure(testContext(t), newJetStream(t), Settings{Replicas: 3})
	if err == nil || !strings.Contains(err.Error(), "stream BILLING is missing") || !strings.Contains(err.Error(), "NATS_REPLICAS") {
		t.Errorf("error %v", err)
	}
}

func TestEnsureWithoutJetStream(t *testing.T) {
	js := connect(t, run(t, server.Options{}).ClientURL())
	_, err := Ensure(testContext(t), js, Settings{})
	if err == nil || !strings.Contains(err.Error(), "nats-server -js") {
		t.Errorf("error %v", err)
	}
}

// Where a stream limits its consumers, one is made within the limit.
func TestEnsureKeepsTheLimitsOfAStream(t *testing.T) {
	js := newJetStream(t)
	c := good(billing)
	c.ConsumerLimits.MaxAckPending = 500
	makeStream(t, js, c)
	found := ensure(t, js, Settings{})
	if n := found.Consumers[events.SubjectInvoiceIssued].CachedInfo().Config.MaxAckPending; n != 500 {
		t.Errorf("%d acknowledgements pending", n)
	}
	if len(found.Findings) != 2 {
		t.Errorf("findings %v", found.Findings)
	}
}

func TestMatches(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b", "c"})
	pattern := rapid.SampledFrom([]string{"a", "b", "c", "*"})
	rapid.Check(t, func(r *rapid.T) {
		subject := strings.Join(rapid.SliceOfN(token, 1, 4).Draw(r, "subject"), ".")
		tokens := rapid.SliceOfN(pattern, 1, 4).Draw(r, "pattern")
		if rapid.Bool().Draw(r, "open") {
			tokens = append(tokens, ">")
		}
		filter := strings.Join(tokens, ".")
		if got, want := matches(filter, subject), server.SubjectsCollide(filter, subject); got != want {
			r.Fatalf("%s matches %s: %v, want %v", filter, subject, got, want)
		}
	})
	if !matches(">", "a.b") {
		t.Error("> does not match")
	}
}
