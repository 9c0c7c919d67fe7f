package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/worker/history"
	"github.com/linkworker/linkworker/worker/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// each runs f on a stream with allow_direct and on one without.
func each(t *testing.T, f func(t *testing.T, env *testenv.Env, js jetstream.JetStream)) {
	for _, direct := range []bool{true, false} {
		t.Run(fmt.Sprintf("direct=%t", direct), func(t *testing.T) {
			testenv.Each(t, func(t *testing.T, env *testenv.Env) {
				js := env.JetStream(t)
				_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
					Name: "LOG", Subjects: []string{"a.*", "b"}, AllowDirect: direct,
				})
				if err != nil {
					t.Fatal(err)
				}
				f(t, env, js)
			})
		})
	}
}

func publish(t *testing.T, js jetstream.JetStream, subject string, n int) {
	t.Helper()
	for i := range n {
		if _, err := js.Publish(t.Context(), subject, fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, js jetstream.JetStream, subject string) *history.Log {
	t.Helper()
	log, err := history.Open(t.Context(), js, "LOG", subject)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func sequences(messages []*jetstream.RawStreamMsg) (all []uint64) {
	for _, msg := range messages {
		all = append(all, msg.Sequence)
	}
	return all
}

func TestRead(t *testing.T) {
	each(t, func(t *testing.T, _ *testenv.Env, js jetstream.JetStream) {
		empty := open(t, js, "")
		if page, err := empty.Read(t.Context(), 1, 10); err != nil || len(page.Messages) != 0 || page.More {
			t.Errorf("of an empty stream: %v, error %v", page, err)
		}
		publish(t, js, "a.x", 4)
		publish(t, js, "b", 2)
		publish(t, js, "a.y", 4)
		stream, err := js.Stream(t.Context(), "LOG")
		if err != nil {
			t.Fatal(err)
		}
		for _, gone := range []uint64{1, 3, 8} {
			if err := stream.DeleteMsg(t.Context(), gone); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			subject string
			from    uint64
			n       int
			want    []uint64
		}{
			{"", 0, 100, []uint64{2, 4, 5, 6, 7, 9, 10}},
			{"", 3, 2, []uint64{4, 5}},
			{"a.*", 1, 100, []uint64{2, 4, 7, 9, 10}},
			{"b", 6, 100, []uint64{6}},
			{"b", 7, 100, nil},
			{"", 11, 100, nil},
			{"none", 1, 100, nil},
		} {
			page, err := open(t, js, c.subject).Read(t.Context(), c.from, c.n)
			if err != nil {
				t.Fatal(err)
			}
			if got := sequences(page.Messages); !slices.Equal(got, c.want) {
				t.Errorf("%q from %d: %v, want %v", c.subject, c.from, got, c.want)
			}
			if page.More && len(page.Messages) < c.n {
				t.Errorf("%q from %d: more than %v?", c.subject, c.from, sequences(page.Messages))
			}
			for _, msg := range page.Messages {
				if len(msg.Header) != 0 || len(msg.Data) == 0 || msg.Time.IsZero() {
					t.Errorf("message %+v", msg)
				}
			}
		}
	})
}

// Nothing gets lost where the messages are larger than a page may be.
func TestReadMuch(t *testing.T) {
	each(t, func(t *testing.T, _ *testenv.Env, js jetstream.JetStream) {
		const n, size = 80, 300_000
		for range n {
			if _, err := js.Publish(t.Context(), "b", make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
		log, seen, pages := open(t, js, "b"), uint64(0), 0
		for more := true; more; pages++ {
			page, err := log.Read(t.Context(), seen+1, n+1)
			if err != nil {
				t.Fatal(err)
			}
			for _, msg := range page.Messages {
				if msg.Sequence != seen+1 || len(msg.Data) != size {
					t.Fatalf("message %d of %d bytes after %d", msg.Sequence, len(msg.Data), seen)
				}
				seen++
			}
			more = page.More
		}
		if seen != n {
			t.Errorf("%d messages in %d pages", seen, pages)
		}
	})
}

func TestSince(t *testing.T) {
	each(t, func(t *testing.T, _ *testenv.Env, js jetstream.JetStream) {
		publish(t, js, "b", 20)
		stream, err := js.Stream(t.Context(), "LOG")
		if err != nil {
			t.Fatal(err)
		}
		times := map[uint64]time.Time{}
		for seq := uint64(1); seq <= 20; seq++ {
			msg, err := stream.GetMsg(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			times[seq] = msg.Time
		}
		if err := stream.DeleteMsg(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
		log := open(t, js, "b")
		for _, c := range []struct {
			at   time.Time
			want uint64
		}{
			{times[1].Add(-time.Hour), 1}, {times[1], 1}, {times[1].Add(1), 2}, {times[20], 20}, {times[20].Add(1), 21},
		} {
			if got, err := log.Since(t.Context(), c.at, 1, 20); err != nil || got != c.want {
				t.Errorf("since %v: %d, error %v, want %d", c.at, got, err, c.want)
			}
		}
		// Any sequence will do from which on the same messages are read.
		if got, err := log.Since(t.Context(), times[7], 1, 20); err != nil || got != 7 && got != 8 {
			t.Errorf("since one that is gone: %d, error %v", got, err)
		}
	})
}

func TestFollow(t *testing.T) {
	each(t, func(t *testing.T, env *testenv.Env, js jetstream.JetStream) {
		publish(t, js, "b", 3)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		log, seen := open(t, js, "b"), uint64(1)
		for msg, err := range log.Follow(ctx, 2) {
			if err != nil {
				t.Fatal(err)
			}
			if msg.Sequence != seen+1 {
				t.Fatalf("message %d after %d", msg.Sequence, seen)
			}
			seen++
			switch seen {
			case 3: // while nobody is there to ask
				env.StopNATS(t)
				env.StartNATS(t)
				publish(t, env.JetStream(t), "b", 2)
			case 5:
				cancel()
			}
		}
		if seen != 5 {
			t.Errorf("ended at message %d", seen)
		}
	})
}

func TestFollowEndsWithTheStream(t *testing.T) {
	each(t, func(t *testing.T, _ *testenv.Env, js jetstream.JetStream) {
		publish(t, js, "b", 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var last error
		for _, err := range open(t, js, "b").Follow(ctx, 1) {
			if last = err; err == nil {
				if err := js.DeleteStream(ctx, "LOG"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !errors.Is(last, jetstream.ErrStreamNotFound) {
			t.Errorf("error %v", last)
		}
	})
}
