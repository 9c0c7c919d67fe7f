package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/worker/history"
	"github.com/linkworker/linkworker/worker/testenv"
)

func texts(bodies [][]byte) (all []string) {
	for _, body := range bodies {
		all = append(all, string(body))
	}
	return all
}

func direct(t *testing.T, js jetstream.JetStream) bool {
	t.Helper()
	stream, err := js.Stream(t.Context(), "LOG")
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().Config.AllowDirect
}

func TestReadBodies(t *testing.T) {
	each(t, func(t *testing.T, _ *testenv.Env, js jetstream.JetStream) {
		log := open(t, js, "a.*")
		if !direct(t, js) {
			if _, err := log.ReadBodies(t.Context(), 1, 10); !errors.Is(err, history.ErrNoBodies) {
				t.Errorf("error %v", err)
			}
			return
		}
		if found, err := log.ReadBodies(t.Context(), 1, 10); err != nil || len(found.Bodies) != 0 || found.Last != 0 {
			t.Errorf("of an empty stream: %v, error %v", found, err)
		}
		for i := range 6 {
			msg := &nats.Msg{Subject: []string{"a.x", "b"}[i%2], Header: nats.Header{"X": {"y"}}, Data: fmt.Appendf(nil, "%d", i+1)}
			if i == 4 {
				msg.Data = nil
			}
			if _, err := js.PublishMsg(t.Context(), msg); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			from uint64
			n    int
			want []string
			last uint64
		}{
			{1, 10, []string{"1", "3", ""}, 5}, {1, 2, []string{"1", "3"}, 3}, {4, 1, []string{""}, 5}, {6, 10, nil, 0}, {7, 10, nil, 0},
		} {
			found, err := log.ReadBodies(t.Context(), c.from, c.n)
			if err != nil || !slices.Equal(texts(found.Bodies), c.want) || found.Last != c.last {
				t.Errorf("%d from %d: %v, error %v", c.n, c.from, found, err)
			}
		}
	})
}

// A page ends where it is large, and says where that is.
func TestReadBodiesOfMuch(t *testing.T) {
	each(t, func(t *testing.T, _ *testenv.Env, js jetstream.JetStream) {
		log := open(t, js, "b")
		if !direct(t, js) {
			return
		}
		const n, size = 80, 300_000
		for range n {
			if _, err := js.Publish(t.Context(), "b", make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
		seen := uint64(0)
		for {
			found, err := log.ReadBodies(t.Context(), seen+1, n+1)
			if err != nil {
				t.Fatal(err)
			}
			if found.Last == 0 {
				break
			}
			if seen += uint64(len(found.Bodies)); seen != found.Last {
				t.Fatalf("%d messages up to %d", seen, found.Last)
			}
		}
		if seen != n {
			t.Errorf("%d messages", seen)
		}
	})
}

// A server that does not know what is asked for gives headers all the same.
func TestReadBodiesOfAnOlderServer(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		js := env.JetStream(t)
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OLD", Subjects: []string{"old"}, AllowDirect: true})
		if err != nil {
			t.Fatal(err)
		}
		nc := js.Conn()
		older := "$OLDER.API."
		_, err = nc.Subscribe(older+"DIRECT.GET.OLD", func(msg *nats.Msg) {
			_ = nc.PublishMsg(&nats.Msg{Subject: msg.Reply, Header: nats.Header{"Nats-Sequence": {"1"}, "Nats-Num-Pending": {"0"}}, Data: []byte("1")})
		})
		if err != nil {
			t.Fatal(err)
		}
		stream, err := js.Stream(t.Context(), "OLD")
		if err != nil {
			t.Fatal(err)
		}
		toOlder, err := jetstream.NewWithAPIPrefix(nc, older)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := history.Of(toOlder, stream, "").ReadBodies(t.Context(), 1, 10); !errors.Is(err, history.ErrNoBodies) {
			t.Errorf("error %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := history.Of(js, stream, "").ReadBodies(ctx, 1, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}
