package claim

import "time"

// model is the protocol as the package comment has it, in Go and without Redis: one process, one clock, nothing lost. The
// property test holds the scripts to it.
type model struct {
	now     time.Duration // since the beginning
	lease   time.Duration
	records map[string]*modelRecord // by identity, "" being the link
	graves  map[string]*modelGrave  // by event
}

// modelRecord is a record that is there.
type modelRecord struct {
	state, event  string      // a state of "": only the generation is there
	owner         *modelOwner // nil: nobody is at work
	until         time.Duration
	terms, answer string
	tried         modelTried
	due           time.Duration // of the next attempt
	calling       bool
	vanished      int
	deserted      time.Duration // since when others have found nobody; -1: not
	recorded      time.Duration
	perishes      time.Duration // -1: not known
	generation    int
}

type modelTried struct {
	attempts, cutOff int
	failure          string
	waited           time.Duration
}

type modelGrave struct {
	verdict, letter string
	ended           bool
}

// modelOwner is one delivery's claim; what it is told is in its own copy.
type modelOwner struct{ identity, event string }

// found is what take answers.
type found struct {
	outcome    Outcome
	owner      *modelOwner  // taken
	record     *modelRecord // a copy
	wait       time.Duration
	deserted   bool
	since      time.Duration
	grave      modelGrave
	linkState  string
	linkAnswer string
}

func newModel(lease time.Duration) *model {
	m := &model{lease: lease}
	m.flush()
	return m
}

func (m *model) flush() { m.records, m.graves = map[string]*modelRecord{}, map[string]*modelGrave{} }

// wish is what take is asked for.
type wish struct {
	identity, event, terms, ended string
	adopt, perishable, calling    bool
}

// reserve is the first half of a take that goes the quick way, of a worker that vanishes, or is told nothing, after it.
func (m *model) reserve(w wish) {
	if m.records[w.identity] == nil {
		m.claim(w, 0)
	}
}

func (m *model) claim(w wish, generation int) *modelRecord {
	r := &modelRecord{
		state: "claimed", event: w.event, owner: &modelOwner{w.identity, w.event}, until: m.now + m.lease, calling: w.calling,
		terms: w.terms, deserted: -1, perishes: -1, generation: generation,
	}
	m.records[w.identity] = r
	return r
}

func (m *model) take(w wish) found {
	r := m.records[w.identity]
	if g := m.graves[w.event]; g != nil {
		if r != nil && r.state == "claimed" && r.event == w.event { // reserved
			m.clear(w.identity)
		}
		return found{outcome: OutcomeDead, grave: *g}
	}
	generation := 0
	if r != nil {
		generation = r.generation
	}
	if r != nil && r.state == "" {
		r = nil
	}
	if r != nil && r.state == "published" {
		if !w.perishable || r.event == w.event || r.perishes < 0 || r.perishes > m.now {
			return found{outcome: OutcomePublished, record: r.copy()}
		}
		generation, r = generation+1, nil
	}
	if r != nil {
		if answer, is := m.keepsOff(r, w); is {
			return answer
		}
		if r.event != w.event && r.state == "claimed" {
			r = nil // what another event tried is not ours
		} else {
			r.deserted = -1
			if r.due > m.now {
				return found{outcome: OutcomeLater, wait: r.due - m.now}
			}
			r.inherit()
		}
	}
	if r == nil {
		r = m.claim(w, generation)
	} else if r.state == "claimed" && r.terms == "" {
		r.terms = w.terms
	}
	r.event, r.owner, r.until, r.calling = w.event, &modelOwner{w.identity, w.event}, m.now+m.lease, w.calling
	answer := found{outcome: OutcomeTaken, owner: r.owner, record: r.copy()}
	if link := m.records[""]; w.identity != "" && link != nil {
		answer.linkState, answer.linkAnswer = link.state, link.answer
	}
	return answer
}

// keepsOff says why the record is not to be had.
func (m *model) keepsOff(r *modelRecord, w wish) (found, bool) {
	mine := r.event == w.event
	switch {
	case r.owner != nil && r.until > m.now:
		return found{outcome: OutcomeBusy, record: r.copy(), wait: r.until - m.now}, true
	case !mine && r.event != "" && r.event != w.ended:
		if r.deserted < 0 {
			r.deserted = m.now
		}
		return found{outcome: OutcomeBusy, record: r.copy(), deserted: true, since: max(0, m.now-max(r.deserted, r.due))}, true
	case !mine && r.state == "recorded" && !w.adopt:
		return found{outcome: OutcomeOrphan, record: r.copy()}, true
	}
	return found{}, false
}

// inherit counts what became of the owner before.
func (r *modelRecord) inherit() {
	if r.owner == nil {
		return
	}
	if r.calling || r.state == "recorded" {
		r.vanished++
	}
	if r.calling {
		r.tried.cutOff++
	}
}

func (r *modelRecord) copy() *modelRecord {
	c := *r
	return &c
}

// of is the record that the owner owns, nil where it has lost it.
func (m *model) of(o *modelOwner) *modelRecord {
	if r := m.records[o.identity]; r != nil && r.owner == o {
		return r
	}
	return nil
}

func (m *model) renew(o *modelOwner) bool {
	r := m.of(o)
	if r != nil {
		r.until = m.now + m.lease
	}
	return r != nil
}

func (m *model) begin(o *modelOwner) bool {
	r := m.of(o)
	if r != nil {
		r.calling = true
	}
	return r != nil
}

func (m *model) fail(o *modelOwner, t modelTried, delay time.Duration, keep bool) bool {
	r := m.of(o)
	if r == nil {
		return false
	}
	cutOff := r.tried.cutOff
	r.tried, r.due, r.vanished, r.calling = t, m.now+delay, 0, false
	r.tried.cutOff = cutOff
	if keep {
		r.until = m.now + m.lease
	} else {
		r.owner = nil
	}
	return true
}

func (m *model) release(o *modelOwner) bool {
	r := m.of(o)
	if r != nil {
		r.owner, r.calling = nil, false
	}
	return r != nil
}

func (m *model) record(o *modelOwner, answer string, perishes time.Duration) bool {
	r := m.of(o)
	if r != nil && r.state == "claimed" {
		r.state, r.answer, r.recorded, r.perishes = "recorded", answer, m.now, perishes
		r.vanished, r.calling, r.until = 0, false, m.now+m.lease
	} else if r != nil && r.state == "recorded" {
		r.until = m.now + m.lease // its owner counts the lease from now
	}
	return r != nil
}

func (m *model) publish(o *modelOwner) bool {
	if r := m.records[o.identity]; r != nil && r.state == "published" && r.event == o.event {
		return true // told again
	}
	r := m.of(o)
	if r == nil || r.state != "recorded" {
		return false
	}
	*r = modelRecord{
		state: "published", event: r.event, terms: r.terms, answer: r.answer, recorded: r.recorded, perishes: r.perishes,
		generation: r.generation, deserted: -1,
	}
	return true
}

// bury is the death of an event; o is nil where it holds no claim.
func (m *model) bury(event, verdict string, o *modelOwner) (modelGrave, bool) {
	if g := m.graves[event]; g != nil {
		return *g, true
	}
	if o != nil {
		r := m.of(o)
		switch {
		case r == nil:
			return modelGrave{}, false
		case r.state == "claimed":
			m.clear(o.identity)
		default:
			r.event, r.owner = "", nil
		}
	}
	m.graves[event] = &modelGrave{verdict: verdict}
	return *m.graves[event], true
}

// clear frees a record; the number of its generation is never given again.
func (m *model) clear(identity string) {
	generation := m.records[identity].generation
	delete(m.records, identity)
	if generation > 0 {
		m.records[identity] = &modelRecord{generation: generation, deserted: -1, perishes: -1}
	}
}

func (m *model) file(event, letter string) {
	if g := m.graves[event]; g != nil && g.letter == "" {
		g.letter = letter
	}
}

func (m *model) close(event, letter string) {
	m.graves[event] = &modelGrave{letter: letter, ended: true}
}
