package claim

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Whatever stands in a record's fields, what is text comes back as it is, and the record's event is known.
func FuzzRecord(f *testing.F) {
	f.Add("recorded", "BILLING.1.2.0", "BILLING.1", "7", "1", `{"url":"https://a.example"}`)
	f.Add("claimed", "", "", "-1", "-9223372036854775808", "")
	f.Add("\xff", "a.b", "x", "99999999999999999999", "1e9", "\x00")
	now := time.UnixMilli(1779098400000)
	f.Fuzz(func(t *testing.T, state, event, message, number, told, data string) {
		values := make([]any, len(fieldNames))
		for i, name := range fieldNames {
			text, given := map[string]string{"s": state, "e": event, "m": message, "q": told, "r": data, "d": data, "o": event}[name]
			if !given {
				text = number
			}
			if text != "" {
				values[i] = text
			}
		}
		cmd := redis.NewSliceCmd(t.Context())
		cmd.SetVal(values)
		hash, err := readRecord(cmd)
		if err != nil {
			t.Fatal(err)
		}
		r := recordOf("id", hash, now)
		if (r == nil) != (state == "") {
			t.Fatalf("state %q gives %+v", state, r)
		}
		if r == nil {
			return
		}
		if r.State != state || r.Event != event || r.Identity != "id" || string(r.Answer) != data {
			t.Fatalf("%q gives %+v", values, r)
		}
		m := new(Memory)
		m.Link = r
		m.gather(nil)
		if want := event != ""; (len(m.Events) == 1) != want {
			t.Fatalf("%+v gives the events %+v", r, m.Events)
		}
	})
}

// A trail's entry is a session's identity, the sequence of a link.created or an event with its place, and nothing else.
func FuzzTrail(f *testing.F) {
	for _, seed := range []string{"/request.r-1", "#7", "#7.5.1.0", "BILLING.1.2.0", "BILLING.1.2.1 BILLING.9", "", " ", "#", "#99999999999999999999", "\x1b[2J"} {
		f.Add(seed, 1779098400000.0)
	}
	f.Fuzz(func(t *testing.T, entry string, score float64) {
		m := new(Memory)
		identities, seen := m.follow([]redis.Z{{Member: entry, Score: score}, {Member: 7}})
		events := seen[:len(seen)-1] // the last is of the member that is no text
		if n := len(identities) + len(events) + len(m.Told); n > 1 {
			t.Fatalf("%q gives %v, %v and %v", entry, identities, events, m.Told)
		}
		switch {
		case strings.HasPrefix(entry, "/"):
			if len(identities) != 1 || identities[0] != entry[1:] {
				t.Fatalf("%q gives the identities %q", entry, identities)
			}
		case len(events) == 1:
			if s := events[0]; !strings.HasPrefix(entry, s.Event) || strings.Contains(s.Event, " ") {
				t.Fatalf("%q gives %+v", entry, s)
			}
		}
	})
}
