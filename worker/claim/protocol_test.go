package claim

import (
	"bytes"
	"context"
	"errors"
	goflag "flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/linkworker/linkworker/worker/testenv"
)

// Times of the property test. No sum of steps and delays meets a lease's end, a due time or a perishing by less than a
// quarter of a minute, which is what the real clock may run on in the meantime.
const (
	protocolLease = 10*time.Minute + 30*time.Second
	protocolStep  = time.Minute
	protocolOdd   = 15 * time.Second // what delays and perishings have beyond whole steps
	protocolSlack = 10 * time.Second
)

const protocolToken = "inv 1/ü"

// TestProtocol interleaves deliveries of several workers over the real scripts, and holds each answer and each record to
// the model: owners that vanish without a word, that stand still past their lease and go on, that repeat what they said,
// that never hear the answer; time; a Redis that forgets all, or its last writes.
func TestProtocol(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		rdb := env.Redis(t)
		way := new(faulty)
		client, ok := rdb.(*redis.Client)
		if !ok {
			t.Fatalf("a client of type %T", rdb)
		}
		client.AddHook(way)
		thorough(t)
		rounds := 0
		rapid.Check(t, func(t *rapid.T) {
			rounds++
			newTrial(t, client, way, fmt.Sprintf("%s-%d", env.Prefix, rounds)).run()
		})
		if way.count == 0 {
			t.Error("no fault ever happened")
		}
	})
}

// thorough has rapid look longer than it does by itself, unless whoever runs the test says how long.
func thorough(t *testing.T) {
	given := map[string]bool{}
	goflag.Visit(func(f *goflag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": "300", "rapid.steps": "60"} {
		if given[name] {
			continue
		}
		before := goflag.Lookup(name).Value.String()
		if err := goflag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = goflag.Set(name, before) })
	}
}

// trial is one sequence of steps, done to the store and to the model.
type trial struct {
	*rapid.T
	ctx   context.Context
	rdb   *redis.Client
	way   *faulty
	store *Store
	model *model

	deliveries []*trialDelivery
	told       map[string]bool // events that ended in the eyes of their owner, and are not delivered again
	saved      *saved
	answers    int
	seen       map[string]*Sight // what was seen last, since Redis has forgotten something
}

// trialDelivery is a delivery that holds a claim, or held one.
type trialDelivery struct {
	claim *Claim
	owner *modelOwner
}

func newTrial(t *rapid.T, rdb *redis.Client, way *faulty, prefix string) *trial {
	way.next = faultNone
	return &trial{
		T: t, ctx: context.Background(), rdb: rdb, way: way, store: New(rdb, prefix, 1000*time.Hour, protocolLease),
		model: newModel(protocolLease), told: map[string]bool{}, seen: map[string]*Sight{},
	}
}

func (t *trial) run() {
	t.Repeat(map[string]func(*rapid.T){
		"":           func(*rapid.T) { t.same() },
		"take":       func(*rapid.T) { t.take() },
		"reserve":    func(*rapid.T) { t.reserve() },
		"take again": func(*rapid.T) { t.takeAgain() },
		"renew":      t.step(func(d *trialDelivery) (error, bool) { return d.claim.Renew(t.ctx), t.model.renew(d.owner) }),
		"renew all":  func(*rapid.T) { t.renewAll() },
		"begin":      t.step(t.begin),
		"fail":       t.step(t.fail),
		"release":    t.step(func(d *trialDelivery) (error, bool) { return d.claim.Release(t.ctx), t.model.release(d.owner) }),
		"record":     t.step(t.record),
		"publish":    t.step(t.publish),
		"finish":     func(*rapid.T) { t.finish() },
		"die":        func(*rapid.T) { t.oneOf(t.bury, t.buryWithout, t.file, t.close) },
		"vanish":     func(*rapid.T) { t.vanish() },
		"pass":       func(*rapid.T) { t.pass(time.Duration(rapid.IntRange(1, 12).Draw(t.T, "steps")) * protocolStep) },
		"forget":     func(*rapid.T) { t.oneOf(t.save, t.save, t.fallBack, t.fallBack, t.flush) },
	})
}

// oneOf does one of some things that are to come more rarely.
func (t *trial) oneOf(things ...func()) {
	things[rapid.IntRange(0, len(things)-1).Draw(t.T, "which")]()
}

// draw chooses what happens to the next command.
func (t *trial) draw() fault {
	t.way.next = rapid.SampledFrom([]fault{faultNone, faultNone, faultNone, faultRepeat, faultLost}).Draw(t.T, "fault")
	return t.way.next
}

func (t *trial) take() {
	w := wish{identity: rapid.SampledFrom([]string{"", "", "customer.c"}).Draw(t.T, "identity")}
	alive := slices.DeleteFunc([]string{"a", "b", "c"}, func(e string) bool { return t.told[eventOf(w.identity, e)] })
	if len(alive) == 0 {
		t.Skip("all events have ended")
	}
	w.event = eventOf(w.identity, rapid.SampledFrom(alive).Draw(t.T, "event"))
	w.perishable = w.identity != ""
	w.terms = rapid.SampledFrom([]string{"", "terms 1", "terms 2"}).Draw(t.T, "terms")
	w.calling = rapid.Bool().Draw(t.T, "calling")
	if r := t.model.records[w.identity]; r != nil && t.told[r.event] && rapid.Bool().Draw(t.T, "known to have ended") {
		w.ended, w.adopt = r.event, rapid.Bool().Draw(t.T, "adopt")
	} else if r != nil && r.event == "" {
		w.adopt = rapid.Bool().Draw(t.T, "adopt")
	}
	t.ask(w)
}

func eventOf(identity, name string) string {
	if identity == "" {
		return "BILLING.7.link-" + name
	}
	return "BILLING.7.session-" + name
}

// messageFor is where the event's message lies; of some, as of replays, their name does not say it.
func messageFor(event string) string {
	if strings.HasSuffix(event, "b") || strings.HasSuffix(event, "d") {
		return "BILLING.9"
	}
	return "BILLING.7"
}

// ask takes, from both.
func (t *trial) ask(w wish) {
	f := t.draw()
	r := Request{
		Token: protocolToken, Identity: w.identity, Event: w.event, Message: messageFor(w.event), Terms: []byte(w.terms),
		Perishable: w.perishable, Ended: w.ended, Adopt: w.adopt, Calling: w.calling, New: rapid.Bool().Draw(t.T, "new"),
	}
	got, err := t.store.Take(t.ctx, r)
	if f == faultLost { // whoever asked is told nothing, and gives the event back
		if !errors.Is(err, errLostAnswer) {
			t.Fatalf("take: error %v", err)
		}
		if t.store.quickly(r) {
			t.model.reserve(w)
		} else {
			t.model.take(w)
		}
		return
	}
	want := t.model.take(w)
	if err != nil {
		t.Fatal(err)
	}
	t.compare(got, want)
	if want.outcome == OutcomeTaken {
		t.deliveries = append(t.deliveries, &trialDelivery{got.Claim, want.owner})
	}
}

// reserve is a worker that vanishes after the first command of the quick way.
func (t *trial) reserve() {
	t.way.next = faultNone
	w := wish{event: eventOf("", rapid.SampledFrom([]string{"a", "c"}).Draw(t.T, "event")), terms: "terms 4"}
	if t.told[w.event] && rapid.Bool().Draw(t.T, "only events that have not ended") {
		t.Skip("it has ended")
	}
	r := Request{Token: protocolToken, Event: w.event, Message: messageFor(w.event), Terms: []byte(w.terms), New: true}
	if !t.store.quickly(r) {
		t.Fatal("it does not go the quick way")
	}
	claim := packClaim(packBody(r.Event, r.Message, r.Terms, 0), false, newOwner(), t.store.ttl, 0)
	t.must(t.rdb.SetNX(t.ctx, t.store.keys(r).record, claim, t.store.keepFor()).Err())
	t.model.reserve(w)
}

// takeAgain is the next delivery of an event whose record is there, mostly after the lease of who had it.
func (t *trial) takeAgain() {
	identity := rapid.SampledFrom([]string{"", "customer.c"}).Draw(t.T, "identity")
	r := t.model.records[identity]
	if r == nil {
		t.Skip("no record")
	}
	if rapid.IntRange(0, 3).Draw(t.T, "how soon") > 0 {
		t.pass(11 * protocolStep)
	}
	w := wish{identity: identity, event: r.event, terms: "terms 3", perishable: identity != "", calling: rapid.Bool().Draw(t.T, "calling")}
	if t.told[r.event] || r.event == "" || rapid.IntRange(0, 3).Draw(t.T, "another") == 0 {
		w.event = eventOf(identity, "d") // of which there is always one more
		if r.event != "" && t.told[r.event] {
			w.ended = r.event
		}
		w.adopt = rapid.Bool().Draw(t.T, "adopt")
	}
	t.ask(w)
}

func (t *trial) compare(got *Result, want found) {
	if got.Outcome != want.outcome {
		t.Fatalf("take: %s, want %s", got.Outcome, want.outcome)
	}
	switch got.Outcome {
	case OutcomeDead:
		t.equal("verdict", string(got.Verdict), want.grave.verdict)
		t.equal("letter", got.Letter, want.grave.letter)
		t.equal("ended", got.Ended, want.grave.ended)
	case OutcomePublished, OutcomeOrphan:
		t.equal("event", got.Event, want.record.event)
		t.equal("terms", string(got.Terms), want.record.terms)
		t.equal("answer", string(got.Answer), want.record.answer)
	case OutcomeBusy:
		t.equal("event", got.Event, want.record.event)
		t.equal("deserted", got.Deserted, want.deserted)
		t.near("wait", got.Wait, want.wait)
		t.near("since", got.Since, want.since)
	case OutcomeLater:
		t.near("wait", got.Wait, want.wait)
	case OutcomeTaken:
		c := got.Claim
		t.equal("recorded", c.Recorded, want.record.state == "recorded")
		t.equal("terms", string(c.Terms), want.record.terms)
		t.equal("answer", string(c.Answer), want.record.answer)
		t.equal("tried", modelTried{c.Tried.Attempts, c.Tried.CutOff, string(c.Tried.Failure), c.Tried.Waited}, want.record.tried)
		t.equal("vanished", c.Vanished, want.record.vanished)
		t.equal("generation", c.Generation, want.record.generation)
		t.equal("link's state", c.Link.State, want.linkState)
		t.equal("link's answer", string(c.Link.Answer), want.linkAnswer)
		t.equal("calling", c.Calling(), want.record.calling)
	}
}

func (t *trial) equal(what string, got, want any) {
	if got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func (t *trial) near(what string, got, want time.Duration) {
	if (got - want).Abs() > protocolSlack {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// step is a transition of some delivery's claim, one that has lost it too. do does it to both, and says what the model says.
func (t *trial) step(do func(*trialDelivery) (error, bool)) func(*rapid.T) {
	return func(*rapid.T) { t.doStep(t.delivery(), do) }
}

func (t *trial) doStep(d *trialDelivery, do func(*trialDelivery) (error, bool)) {
	f := t.draw()
	err, want := do(d)
	again := f == faultRepeat && t.model.of(d.owner) == nil // it has stepped back, and says so again
	switch {
	case errors.Is(err, errLostAnswer) && f == faultLost:
	case err == nil && want:
	case errors.Is(err, ErrLost) && (!want || again):
	default:
		t.Fatalf("error %v, want success: %v", err, want)
	}
	t.way.next = faultNone // where nothing was said
}

func (t *trial) delivery() *trialDelivery {
	if len(t.deliveries) == 0 {
		t.Skip("nobody has taken anything")
	}
	return t.deliveries[rapid.IntRange(0, len(t.deliveries)-1).Draw(t.T, "delivery")]
}

func (t *trial) begin(d *trialDelivery) (error, bool) {
	if d.claim.Calling() {
		return d.claim.Begin(t.ctx), true // it was noted, and nothing is said
	}
	return d.claim.Begin(t.ctx), t.model.begin(d.owner)
}

func (t *trial) fail(d *trialDelivery) (error, bool) {
	tried := modelTried{
		attempts: d.claim.Tried.Attempts + 1, failure: fmt.Sprintf("failure %d", d.claim.Tried.Attempts+1),
		waited: time.Duration(rapid.IntRange(0, 2).Draw(t.T, "waited")) * time.Second,
	}
	delay := time.Duration(rapid.IntRange(0, 5).Draw(t.T, "delay"))*protocolStep - protocolOdd
	keep := rapid.Bool().Draw(t.T, "keep")
	d.claim.Tried.Attempts, d.claim.Tried.Failure, d.claim.Tried.Waited = tried.attempts, []byte(tried.failure), tried.waited
	return d.claim.Fail(t.ctx, delay, keep), t.model.fail(d.owner, tried, delay, keep)
}

func (t *trial) record(d *trialDelivery) (error, bool) {
	t.answers++
	answer, perishes, at := fmt.Sprintf("answer %d", t.answers), time.Duration(-1), time.Time{}
	if d.owner.identity != "" && rapid.Bool().Draw(t.T, "perishes") {
		in := time.Duration(rapid.IntRange(1, 8).Draw(t.T, "good for"))*protocolStep + protocolOdd
		perishes, at = t.model.now+in, time.Now().Add(in)
	}
	return d.claim.Record(t.ctx, []byte(answer), at), t.model.record(d.owner, answer, perishes)
}

func (t *trial) publish(d *trialDelivery) (error, bool) {
	err, want := d.claim.Publish(t.ctx), t.model.publish(d.owner)
	if err == nil && rapid.Bool().Draw(t.T, "acknowledged") {
		t.told[d.owner.event] = true
	}
	return err, want
}

// finish goes the rest of a delivery's way.
func (t *trial) finish() {
	d := t.delivery()
	t.doStep(d, t.record)
	t.doStep(d, t.publish)
}

func (t *trial) renewAll() {
	if len(t.deliveries) == 0 {
		t.Skip("nobody has taken anything")
	}
	claims := make([]*Claim, len(t.deliveries))
	for i, d := range t.deliveries {
		claims[i] = d.claim
	}
	owners := map[string]int{}
	for i, err := range t.store.RenewAll(t.ctx, claims) {
		d := t.deliveries[i]
		if err == nil && !d.claim.leaving.Load() {
			if owners[d.owner.identity]++; owners[d.owner.identity] > 1 {
				t.Fatalf("two owners of %q", d.owner.identity)
			}
		}
		if held := t.model.renew(d.owner); held && err != nil || !held && !errors.Is(err, ErrLost) && !d.claim.leaving.Load() {
			t.Fatalf("renewal of %s: error %v, held: %v", d.owner.event, err, held)
		}
	}
}

func (t *trial) bury() {
	d := t.delivery()
	verdict := fmt.Sprintf("verdict %d", len(t.model.graves)+1)
	f := t.draw()
	got, err := d.claim.Bury(t.ctx, []byte(verdict))
	t.buried(f, d.owner.event, got, err, func() (modelGrave, bool) { return t.model.bury(d.owner.event, verdict, d.owner) })
}

// buryWithout is the death of an event that holds no claim, such as one that conflicts with another's link.
func (t *trial) buryWithout() {
	event := eventOf("", rapid.SampledFrom([]string{"b", "c"}).Draw(t.T, "event"))
	if r := t.model.records[""]; r != nil && r.event == event {
		t.Skip("it has a claim")
	}
	verdict := fmt.Sprintf("verdict %d", len(t.model.graves)+1)
	f := t.draw()
	got, err := t.store.Bury(t.ctx, Death{Token: protocolToken, Event: event, Verdict: []byte(verdict)})
	t.buried(f, event, got, err, func() (modelGrave, bool) { return t.model.bury(event, verdict, nil) })
}

func (t *trial) buried(f fault, event string, got Death, err error, do func() (modelGrave, bool)) {
	want, held := do()
	switch {
	case f == faultLost && errors.Is(err, errLostAnswer):
	case !held && errors.Is(err, ErrLost):
	case held && err == nil:
		t.equal("verdict of "+event, string(got.Verdict), want.verdict)
		t.equal("letter of "+event, got.Letter, want.letter)
		t.equal("end of "+event, got.Ended, want.ended)
	default:
		t.Fatalf("bury %s: error %v, held: %v", event, err, held)
	}
}

// dead chooses a dead event.
func (t *trial) dead() string {
	events := slices.Sorted(maps.Keys(t.model.graves))
	if len(events) == 0 {
		t.Skip("nobody is dead")
	}
	return rapid.SampledFrom(events).Draw(t.T, "dead event")
}

// file is late at times: others have filed the letter since, or closed the grave, or Redis has forgotten the event.
func (t *trial) file() {
	event := eventOf("", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t.T, "event"))
	if rapid.IntRange(0, 3).Draw(t.T, "late") > 0 {
		event = t.dead()
	}
	letter := rapid.SampledFrom([]string{"letter of ", "second letter of "}).Draw(t.T, "letter") + event
	f := t.draw()
	err := t.store.File(t.ctx, Death{Token: protocolToken, Event: event, Letter: letter})
	t.model.file(event, letter)
	if err != nil && f != faultLost {
		t.Fatal(err)
	}
}

func (t *trial) close() {
	event := t.dead()
	f := t.draw()
	_, err := t.store.Close(t.ctx, Death{Token: protocolToken, Event: event, Letter: "letter of " + event})
	t.model.close(event, "letter of "+event)
	if err != nil && f != faultLost {
		t.Fatal(err)
	}
	if err == nil {
		t.told[event] = true
	}
}

// vanish forgets a delivery without a word, as SIGKILL does.
func (t *trial) vanish() {
	d := t.delivery()
	t.deliveries = slices.DeleteFunc(t.deliveries, func(other *trialDelivery) bool { return other == d })
}

// pass lets time pass in Redis, by putting what it has noted further into the past: a real one has no other clock.
func (t *trial) pass(d time.Duration) {
	t.model.now += d
	for _, key := range t.keys()[:2] {
		if s := t.read(key); s != nil {
			t.must(t.rdb.Del(t.ctx, key).Err())
			t.write(key, s.earlier(d))
		}
	}
	t.same()
}

func (t *trial) must(err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// keys are those of the records, then the graves.
func (t *trial) keys() []string {
	keys := []string{t.store.recordKey(protocolToken, ""), t.store.recordKey(protocolToken, "customer.c")}
	for _, identity := range []string{"", "customer.c"} {
		for _, name := range []string{"a", "b", "c", "d"} {
			keys = append(keys, t.store.graveKey(protocolToken, eventOf(identity, name)))
		}
	}
	return keys
}

// flush is a Redis that has forgotten all.
func (t *trial) flush() {
	t.must(t.rdb.Del(t.ctx, append(t.keys(), t.store.key(protocolToken, "trail"))...).Err())
	t.model.flush()
	clear(t.seen)
}

// saved is what a replica knows.
type saved struct {
	model *model
	data  map[string]*stored
}

func (t *trial) save() {
	s := &saved{model: t.model.clone(), data: map[string]*stored{}}
	for _, key := range t.keys() {
		if found := t.read(key); found != nil {
			s.data[key] = found
		}
	}
	t.saved = s
}

// fallBack is a failover to a replica that has not heard of the last writes.
func (t *trial) fallBack() {
	s := t.saved
	if s == nil {
		t.Skip("no replica")
	}
	passed := t.model.now - s.model.now
	t.flush()
	for key, found := range s.data {
		t.write(key, found.earlier(passed))
	}
	now := t.model.now
	t.model = s.model.clone()
	t.model.now = now
}

func (m *model) clone() *model {
	c := &model{now: m.now, lease: m.lease, records: map[string]*modelRecord{}, graves: map[string]*modelGrave{}}
	for identity, r := range m.records {
		c.records[identity] = r.copy()
	}
	for event, g := range m.graves {
		grave := *g
		c.graves[event] = &grave
	}
	return c
}

// same holds what Redis knows to what the model knows.
func (t *trial) same() {
	t.way.next = faultNone
	for _, identity := range []string{"", "customer.c"} {
		event := eventOf(identity, "a")
		sight, err := t.store.Inspect(t.ctx, protocolToken, identity, event)
		t.must(err)
		t.undone(t.seen[identity], sight)
		t.seen[identity] = sight
		r := t.model.records[identity]
		if r == nil {
			t.equal("state", sight.State, "")
			continue
		}
		t.equal("state", sight.State, r.state)
		t.equal("event", sight.Event, r.event)
		t.equal("at work", sight.AtWork, r.owner != nil && r.until > t.model.now)
		t.equal("terms", string(sight.Terms), r.terms)
		if !bytes.Equal(sight.Answer, []byte(r.answer)) {
			t.Fatalf("answer %s, want %s", sight.Answer, r.answer)
		}
		t.equal("perished", sight.Perished, r.perishes >= 0 && r.perishes <= t.model.now)
		grave := t.model.graves[event]
		t.equal("dead", sight.Dead, grave != nil)
		if grave != nil {
			t.equal("letter and end", fmt.Sprint(sight.Letter, sight.Ended), fmt.Sprint(grave.letter, grave.ended))
		}
		records, err := t.store.look(t.ctx, t.store.recordKey(protocolToken, identity))
		t.must(err)
		stored := records[0]
		t.equal("attempts, calls cut off, owners vanished, generation",
			[4]int64{stored.int("a"), stored.int("k"), stored.int("v"), stored.int("g")},
			[4]int64{int64(r.tried.attempts), int64(r.tried.cutOff), int64(r.vanished), int64(r.generation)})
	}
}

// undone looks at what no transition may do, whatever the model thinks of it: take an answer back, or a publication.
func (t *trial) undone(before, now *Sight) {
	if before == nil || before.Perished || len(before.Answer) == 0 {
		return
	}
	if !bytes.Equal(before.Answer, now.Answer) || before.State == "published" && now.State != "published" {
		t.Fatalf("%s with %s has become %s with %s", before.State, before.Answer, now.State, now.Answer)
	}
	if before.Dead && !now.Dead {
		t.Fatal("a dead event has risen")
	}
}
