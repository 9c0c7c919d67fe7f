package deadletter

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/linkworker/linkworker/worker/history"
)

func TestLiteral(t *testing.T) {
	for pattern, want := range map[string]string{
		"": "", "a/b": "a/b", `a\*`: "a*", `\[\?\\`: `[?\`, `a\`: `a\`, "ü]": "ü]", "a*": "-", "a?": "-", "[a]": "-", `\\*`: "-",
	} {
		text, one := literal(pattern)
		if one != (want != "-") || one && text != want {
			t.Errorf("%q: %q, %v", pattern, text, one)
		}
	}
}

func TestSieveIsForOneToken(t *testing.T) {
	for pattern, want := range map[string]bool{
		"": false, "a*": false, "a": true, `a\*`: true, " a ": true, "a b": false, "a\u2028b": false, "\xff": false,
		strings.Repeat("a", 200): true, strings.Repeat("a", 201): false,
	} {
		if got := (Filter{Token: pattern}).sieve() != nil; got != want {
			t.Errorf("%q: %v", pattern, got)
		}
	}
}

// No body is ruled out of which the worker would read the token.
func TestSievePassesEachBodyOfTheToken(t *testing.T) {
	for _, token := range []string{"a", "inv-1", "ü", "日本", `q"t`, `b\s`, "a/b", "<&>", " lead", "trail ", "\u2028x\u2029", "x\u0085"} {
		text, err := json.Marshal(token)
		if err != nil {
			t.Fatal(err)
		}
		plain := `{"currency":"CLP","checkoutToken": ` + string(text) + ` }`
		raw := `{"checkoutToken":"` + token + `"}`
		bodies := []string{
			plain, raw, strings.ReplaceAll(plain, "/", `\/`), `{"note":"\u0020","checkoutToken":"` + token + `"}`,
			`{"specversion":"1.0","id":"1","source":"/b","type":"t","data":` + plain + `}`,
			`{"specversion":"1.0","id":"1","source":"/b","type":"t","data_base64":"` + base64.StdEncoding.EncodeToString([]byte(plain)) + `"}`,
			`{"checkoutToken":` + string(text) + `,"checkoutToken":"other"}`,
			`{"checkoutToken":` + string(text) + `,"items":[`,
			`{"checkoutToken":` + string(text) + `,"n":"` + "\xff" + `"}`,
			escaped(token), "",
		}
		s := Filter{Token: literallyFor(token)}.sieve()
		if s == nil {
			t.Fatalf("%q has no sieve", token)
		}
		for _, body := range bodies {
			if body != "" && body != escaped(token) && strings.Contains(body, raw) && !json.Valid([]byte(body)) {
				continue // of no token at all
			}
			if !s.passes([]byte(body)) {
				t.Errorf("%q: %s", token, body)
			}
		}
	}
}

// escaped has each character of the token as its number.
func escaped(token string) string {
	var b strings.Builder
	for _, r := range token {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return `{"checkoutToken":"` + b.String() + `"}`
}

func literallyFor(token string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(token)
}

func TestSieveRulesOut(t *testing.T) {
	s := Filter{Token: "inv-1"}.sieve()
	for _, body := range []string{
		`{"checkoutToken":"inv-10"}`, `{"checkoutToken":"an-inv-1"}`, `{"checkoutToken":"inv-2","note":"inv-1 is paid"}`, "{}", "no JSON",
		`{"checkoutToken":"inv-2","note":"a \"word\""}`, `{"checkoutToken":"inv-\u0032"}`,
	} {
		if s.passes([]byte(body)) {
			t.Errorf("passes %s", body)
		}
	}
}

// publish puts letters with these tokens into the stream, each with a body of at least
// the size.
func (s *stage) publish(t *testing.T, size int, tokens ...string) {
	t.Helper()
	for i, token := range tokens {
		l := full()
		l.Event, l.Replays, l.Token = "BILLING.7.1", 0, token
		l.EventID, l.Data = l.Event+".0", fmt.Appendf(nil, `{"checkoutToken":%q,"note":"%*s"}`, token, size, "")
		msg, err := l.Message(0)
		if err != nil {
			t.Fatal(err)
		}
		msg.Header.Del(jetstream.MsgIDHeader)
		if _, err := s.js.PublishMsgAsync(msg); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 999 || i == len(tokens)-1 {
			<-s.js.PublishAsyncComplete()
		}
	}
}

func (s *stage) search(t *testing.T, f Filter) (ids []uint64) {
	t.Helper()
	store, err := Open(s.ctx, s.js, "")
	if err != nil {
		t.Fatal(err)
	}
	err = store.List(s.ctx, f, func(e *Entry) error {
		ids = append(ids, e.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// It is found wherever it lies: at the edges of windows, behind holes, in a region that
// is nearly empty.
func TestListOfOneToken(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{})
	const n = 3 * maxWindow
	places := []uint64{n, n - firstWindow + 1, n - firstWindow, n - 5*firstWindow, n - 5*firstWindow - 1, maxWindow + 1, maxWindow, 3, 1}
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("t-%d", i+1)
	}
	for _, id := range places {
		tokens[id-1] = "sought"
	}
	s.publish(t, 0, tokens...)
	var deleting errgroup.Group
	deleting.SetLimit(32)
	for id := uint64(2); id < n; id++ {
		if gone := id%7 == 0 || id > 600 && id < maxWindow; gone && !slices.Contains(places, id) {
			deleting.Go(func() error { return s.stream.DeleteMsg(s.ctx, id) })
		}
	}
	if err := deleting.Wait(); err != nil {
		t.Fatal(err)
	}
	for limit := range len(places) + 1 {
		want := places
		if limit > 0 {
			want = places[:limit]
		}
		if got := s.search(t, Filter{Token: "sought", Limit: limit}); !slices.Equal(got, want) {
			t.Errorf("limit %d: got %v, want %v", limit, got, want)
		}
	}
}

// What is read for one token is a fraction of what is read for a pattern.
func TestListOfOneTokenReadsLittle(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{})
	tokens := slices.Repeat([]string{"other"}, 2*maxWindow)
	tokens[5] = "sought"
	s.publish(t, 0, tokens...)
	read := func(token string) uint64 {
		before := s.nc.Stats().InBytes
		if got := s.search(t, Filter{Token: token}); !slices.Equal(got, []uint64{6}) {
			t.Errorf("%s: got %v", token, got)
		}
		return s.nc.Stats().InBytes - before
	}
	// Of one window the headers are read: that in which it is found.
	if one, all := read("sought"), read("s*t"); one > all*2/3 {
		t.Errorf("%d bytes read for a token, %d for a pattern", one, all)
	}
}

// Nothing is passed by where the server ends a page for its size.
func TestListOfOneTokenInLargeLetters(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{})
	const large, size = 80, 250_000
	var tokens []string
	for i := range large {
		tokens = append(tokens, fmt.Sprintf("t-%d", i+1))
	}
	s.publish(t, size, tokens...)
	s.publish(t, 0, append(tokens, slices.Repeat([]string{"other"}, firstWindow-large)...)...)
	for id := uint64(60); id <= 72; id++ { // the first page ends among them
		if got, want := s.search(t, Filter{Token: tokens[id-1]}), []uint64{large + id, id}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// A letter that another program has put into the stream, whose body does not say what
// its header does, is found where no other is.
func TestListOfOneTokenLooksAtHeadersAtLast(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{})
	l := full()
	l.Data = []byte(`{"checkoutToken":"another"}`)
	id := s.put(t, l)
	store, err := Open(s.ctx, s.js, "")
	if err != nil {
		t.Fatal(err)
	}
	found := errors.New("found")
	for token, want := range map[string]error{"invoice-1001": found, "another": nil} {
		err := store.List(s.ctx, Filter{Token: token}, func(e *Entry) error {
			if e.ID != id {
				t.Errorf("letter %d", e.ID)
			}
			return found
		})
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v", token, err)
		}
	}
}

// A server that gives no bodies alone is asked once, and then for all there is.
func TestSiftWithoutBodies(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{})
	config := s.stream.CachedInfo().Config
	config.AllowDirect = false
	stream, err := s.js.UpdateStream(s.ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, full())
	f := Filter{Token: "invoice-1001"}
	k := newWalk(s.ctx, history.Of(s.js, stream, ""), func(nats.Header) bool { return true }, 1, 1, f.sieve())
	defer k.end()
	if w := k.next(); w == nil || w.err != nil || len(w.entries) != 1 || !k.sieve.useless.Load() {
		t.Errorf("window %+v", w)
	}
}
