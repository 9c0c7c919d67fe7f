package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/testenv"
	"github.com/linkworker/linkworker/worker/topology"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// ward is where letters are looked after: the worker's streams on a server.
type ward struct {
	*Store
	t   *testing.T
	ctx context.Context
	env *testenv.Env
	nc  *nats.Conn
	js  jetstream.JetStream
}

func newWard(t *testing.T, env *testenv.Env) *ward {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	nc := env.NATS(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topology.Ensure(ctx, js, topology.Settings{}); err != nil {
		t.Fatal(err)
	}
	store, err := Open(ctx, js, "")
	if err != nil {
		t.Fatal(err)
	}
	return &ward{Store: store, t: t, ctx: ctx, env: env, nc: nc, js: js}
}

const invoiceData = `{"checkoutToken":"%s","currency":"USD","items":[{"preTaxAmount":"10","totalAmount":"12.50","description":"Plan"}]}`

// bury publishes an event and puts its letter, as the worker does; change may alter
// the letter before.
func (w *ward) bury(subject, token, data string, change func(*Letter)) uint64 {
	w.t.Helper()
	msg := &nats.Msg{Subject: subject, Data: []byte(data), Header: nats.Header{"Nats-Msg-Id": {token + "-id"}, "X-Shop": {"7"}}}
	ack, err := w.js.PublishMsg(w.ctx, msg)
	if err != nil {
		w.t.Fatal(err)
	}
	stream, err := w.js.Stream(w.ctx, ack.Stream)
	if err != nil {
		w.t.Fatal(err)
	}
	stored, err := stream.GetMsg(w.ctx, ack.Sequence)
	if err != nil {
		w.t.Fatal(err)
	}
	origin := OriginOf(msg.Header, &jetstream.MsgMetadata{
		Stream: ack.Stream, Sequence: jetstream.SequencePair{Stream: ack.Sequence}, Timestamp: stored.Time,
	})
	l := &Letter{
		Subject: subject, Header: msg.Header, Data: msg.Data, Reason: ReasonRejected, Token: token, Code: "11", Status: 400,
		Detail: "no such account", Stream: ack.Stream, Sequence: ack.Sequence, Time: stored.Time, Event: origin.Event,
		EventID: origin.ID(), MsgID: origin.MsgID,
	}
	if change != nil {
		change(l)
	}
	id, err := Put(w.ctx, w.js, w.Name(), l, w.nc.MaxPayload())
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *ward) buryInvoice(token string) uint64 {
	w.t.Helper()
	return w.bury(events.SubjectInvoiceIssued, token, fmt.Sprintf(invoiceData, token), nil)
}

// ids lists what a filter means.
func (w *ward) ids(f Filter) []uint64 {
	w.t.Helper()
	var ids []uint64
	err := w.List(w.ctx, f, func(e *Entry) error {
		ids = append(ids, e.ID)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

// messages are those of a subject of BILLING.
func (w *ward) messages(subject string) []*jetstream.RawStreamMsg {
	w.t.Helper()
	stream, err := w.js.Stream(w.ctx, events.StreamBilling)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		msg, err := stream.GetMsg(w.ctx, seq)
		if err == nil && msg.Subject == subject {
			all = append(all, msg)
		}
	}
	return all
}

func TestListFilters(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWard(t, env)
		a := w.buryInvoice("shop/2026/a")
		b := w.bury(events.SubjectInvoiceIssued, "shop/2026/b", `{}`, func(l *Letter) { l.Reason, l.Code = ReasonInvalidEvent, "" })
		c := w.bury(events.SubjectSessionRequested, "c [1]", `{}`, func(l *Letter) { l.Reason, l.Code = ReasonExhausted, "500" })
		middle, err := w.Get(w.ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		at := middle.Stored
		for name, tt := range map[string]struct {
			filter Filter
			want   []uint64
		}{
			"all":              {Filter{}, []uint64{c, b, a}},
			"limit":            {Filter{Limit: 2}, []uint64{c, b}},
			"a token":          {Filter{Token: "shop/2026/a"}, []uint64{a}},
			"in blanks":        {Filter{Token: "\u2028 shop/2026/a "}, []uint64{a}},
			"a part of one":    {Filter{Token: "shop/2026"}, nil},
			"slashes":          {Filter{Token: "shop/*"}, []uint64{b, a}},
			"in the middle":    {Filter{Token: "s*/[b-z]"}, []uint64{b}},
			"escaped":          {Filter{Token: `c \[?\]`}, []uint64{c}},
			"subject":          {Filter{Subject: events.SubjectSessionRequested}, []uint64{c}},
			"reason":           {Filter{Reason: ReasonInvalidEvent}, []uint64{b}},
			"code":             {Filter{Code: "11"}, []uint64{a}},
			"since":            {Filter{Since: at}, []uint64{c, b}},
			"until":            {Filter{Until: at}, []uint64{a}},
			"from to":          {Filter{Since: at, Until: at.Add(time.Nanosecond)}, []uint64{b}},
			"in the future":    {Filter{Since: time.Now().Add(time.Hour)}, nil},
			"before the first": {Filter{Until: at.Add(-time.Hour)}, nil},
			"all of them":      {Filter{Token: "*b", Subject: events.SubjectInvoiceIssued, Reason: ReasonInvalidEvent, Since: at, Limit: 1}, []uint64{b}},
			"contradictory":    {Filter{Token: "*b", Reason: ReasonConflict}, nil},
		} {
			if got := w.ids(tt.filter); !slices.Equal(got, tt.want) {
				t.Errorf("%s: got %v, want %v", name, got, tt.want)
			}
		}
		stop := errors.New("enough")
		if err := w.List(w.ctx, Filter{}, func(*Entry) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("error %v", err)
		}
	})
}

func TestFilterRefusesNonsense(t *testing.T) {
	for _, f := range []Filter{{Token: "[a"}, {Token: `a\`}, {Token: "[z-a]"}, {Reason: "bored"}, {Subject: "link.created"}, {Limit: -1}} {
		if f.Check() == nil {
			t.Errorf("%+v passes", f)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"*", "a\nb/c", true}, {"a*c", "abbc", true}, {"a*c", "abcd", false}, {"?", "ü", true}, {"??", "ü", false},
		{"[^a]", "b", true}, {"[!a]", "a", false}, {"[]]", "]", true}, {"[a-]", "-", true}, {"a.c", "abc", false}, {"a.*", "a.b", true},
		{"(x)", "(x)", true}, {`\*`, "*", true}, {`\*`, "x", false}, {"[ü]", "ü", true}, {`[\]]`, "]", true},
	} {
		match, err := glob(tt.pattern)
		if err != nil || match(tt.text) != tt.want {
			t.Errorf("%q on %q: want %v, error %v", tt.pattern, tt.text, tt.want, err)
		}
	}
}

// The stream is walked in windows, over holes of any size, and holds others too.
func TestListWalksWindowsAndHoles(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWard(t, env)
		const n = 3 * maxWindow
		for i := range n {
			l := full()
			l.Event = fmt.Sprintf("BILLING.%d.1", i+1)
			l.EventID, l.Replays, l.Token = l.Event+".0", 0, fmt.Sprintf("t-%d", i+1)
			msg, err := l.Message(0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.js.PublishMsgAsync(msg); err != nil {
				t.Fatal(err)
			}
			if i%1000 == 999 || i == n-1 {
				<-w.js.PublishAsyncComplete()
			}
		}
		all := w.ids(Filter{})
		if len(all) != n || all[0] != n || all[n-1] != 1 || !slices.IsSortedFunc(all, func(a, b uint64) int { return int(b) - int(a) }) {
			t.Fatalf("%d letters, from %d to %d", len(all), all[0], all[len(all)-1])
		}
		if got := w.ids(Filter{Token: "t-1"}); !slices.Equal(got, []uint64{1}) {
			t.Errorf("got %v", got)
		}
		// Only the oldest ten and the newest one are left.
		if err := w.stream.Purge(w.ctx, jetstream.WithPurgeSequence(11)); err != nil {
			t.Fatal(err)
		}
		for id := uint64(20); id < n; id += 3 {
			if err := w.Discard(w.ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		got := w.ids(Filter{})
		want := slices.DeleteFunc(slices.Clone(all), func(id uint64) bool { return id < 11 || id >= 20 && id < n && (id-20)%3 == 0 })
		if !slices.Equal(got, want) {
			t.Errorf("%d letters, want %d", len(got), len(want))
		}
	})
}

// A region without letters is passed in wide steps, and what lies before it is
// still read in windows that fit.
func TestListPassesAnEmptyRegion(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{})
	config := s.stream.CachedInfo().Config
	config.Subjects = append(config.Subjects, "other")
	if _, err := s.js.UpdateStream(s.ctx, config); err != nil {
		t.Fatal(err)
	}
	const letters, others = 2*maxWindow + 1000, 9 * maxWindow
	for i := range letters + others {
		msg := &nats.Msg{Subject: "other"}
		if i < letters {
			msg = &nats.Msg{Subject: "deadletter.invoice.issued", Header: nats.Header{headerReason: {"panic"}}}
		}
		if _, err := s.js.PublishMsgAsync(msg); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 999 || i == letters+others-1 {
			<-s.js.PublishAsyncComplete()
		}
	}
	store, err := Open(s.ctx, s.js, "")
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(letters)
	err = store.List(s.ctx, Filter{}, func(e *Entry) error {
		if e.ID != next || e.Letter != nil || e.Fault == nil {
			return fmt.Errorf("got %d, want %d, fault %w", e.ID, next, e.Fault)
		}
		next--
		return nil
	})
	if err != nil || next != 0 {
		t.Errorf("%d left, error %v", next, err)
	}
	if err := store.List(s.ctx, Filter{Reason: ReasonPanic}, func(e *Entry) error { return fmt.Errorf("no letter: %d", e.ID) }); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	s := newStage(t, jetstream.StreamConfig{Name: "OTHERS"})
	store, err := Open(s.ctx, s.js, "")
	if err != nil || store.Name() != "OTHERS" {
		t.Fatalf("error %v", err)
	}
	if _, err := Open(s.ctx, s.js, "NONE"); !errors.Is(err, ErrNoStream) {
		t.Errorf("error %v", err)
	}
	config := s.stream.CachedInfo().Config
	config.Subjects = []string{"deadletter.invoice.issued"}
	if _, err := s.js.UpdateStream(s.ctx, config); err != nil {
		t.Fatal(err)
	}
	if _, err := s.js.CreateStream(s.ctx, jetstream.StreamConfig{Name: "SESSIONS", Subjects: []string{"deadletter.session.requested"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s.ctx, s.js, ""); err == nil || errors.Is(err, ErrNoStream) {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{"OTHERS", "SESSIONS"} {
		if _, err := Open(s.ctx, s.js, name); err != nil {
			t.Error(err)
		}
		if err := s.js.DeleteStream(s.ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(s.ctx, s.js, ""); !errors.Is(err, ErrNoStream) {
		t.Errorf("error %v", err)
	}
}
