package events_test

import (
	"testing"

	"github.com/linkworker/linkworker/events"
)

func TestMemorySeenForgetsTheOldest(t *testing.T) {
	m := events.NewMemorySeen(2)
	for _, id := range []string{"a", "b", "b", "c", "d", "c"} {
		if err := m.Mark(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]bool{"a": false, "b": false, "c": true, "d": true} {
		if got, err := m.Seen(t.Context(), id); got != want || err != nil {
			t.Errorf("%s: got %v, %v", id, got, err)
		}
	}
}
