package claim

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLaneCarriesOutEachOnceInItsTurn(t *testing.T) {
	const all, most = 1000, 7
	batches := make(chan []int, all)
	l := newLane(most, func(_ context.Context, batch []int) { batches <- batch })
	for i := range all {
		l.add(i)
	}
	var got []int
	for len(got) < all {
		batch := <-batches
		if len(batch) == 0 || len(batch) > most {
			t.Fatalf("a batch of %d", len(batch))
		}
		got = append(got, batch...)
	}
	want := make([]int, all)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	l.empty(t)
}

func TestLaneOvertakesWhatIsAwayForLong(t *testing.T) {
	var away, most, done atomic.Int64 // as who carries out sees it
	stuck := make(chan struct{})
	l := newLane(1, func(ctx context.Context, batch []int) {
		if n := away.Add(1); n > most.Load() {
			most.Store(n)
		}
		if batch[0] < 3 || batch[0] >= 100 {
			<-stuck
		}
		if _, bounded := ctx.Deadline(); bounded {
			done.Add(1)
		}
		away.Add(-1)
	})
	for i := range 50 {
		l.add(i)
	}
	eventually(t, "those that are not stuck are carried out", func() bool { return done.Load() == 47 })
	for i := range 50 {
		l.add(100 + i)
	}
	eventually(t, "all that may be away are late", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.late == laneWidth
	})
	l.add(150)
	close(stuck)
	eventually(t, "all are carried out", func() bool { return done.Load() == 101 })
	if most.Load() > laneWidth {
		t.Errorf("%d were away at once", most.Load())
	}
	l.empty(t)
}

// Many come while batches are late and come back: none is left behind, and none is carried out twice.
func TestLaneUnderLoad(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]int{}
	l := newLane(5, func(_ context.Context, batch []int) {
		if batch[0]%97 == 0 {
			time.Sleep(lanePatience + 20*time.Millisecond) // late
		}
		mu.Lock()
		defer mu.Unlock()
		for _, i := range batch {
			seen[i]++
		}
	})
	var adding sync.WaitGroup
	for from := range 8 {
		adding.Go(func() {
			for i := range 250 {
				l.add(8*i + from)
			}
		})
	}
	adding.Wait()
	eventually(t, "all are carried out", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == 2000
	})
	for i, n := range seen {
		if n != 1 {
			t.Errorf("%d was carried out %d times", i, n)
		}
	}
	l.empty(t)
}

// empty waits until nothing is on the lane.
func (l *lane[T]) empty(t *testing.T) {
	t.Helper()
	eventually(t, "the lane is empty", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting) == 0 && l.away == 0 && l.late == 0
	})
}

// length is how many wait.
func (l *lane[T]) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not seen in time: %s", what)
		}
	}
}
