package worker

import (
	"maps"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
)

type idLetter struct {
	*deadletter.Letter
	id uint64
}

// deadLetters reads DEADLETTERS.
func (s *stage) deadLetters() (all []idLetter) {
	s.t.Helper()
	for _, msg := range s.messages(events.StreamDeadLetters) {
		letter, err := deadletter.Parse(msg.Subject, msg.Header, msg.Data)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, idLetter{letter, msg.Sequence})
	}
	return all
}

// observe counts, for each token, what there is of it outside the workers. Whoever is told of a link twice is told of it
// under the same ce-id: of other ids no token has more than it should.
func (s *stage) observe() (counts map[string]tally, ids map[string]int) {
	s.t.Helper()
	counts, ids = map[string]tally{}, map[string]int{}
	add := func(token string, t tally) {
		sum := counts[token]
		counts[token] = tally{
			sum.links + t.links, sum.sessions + t.sessions, sum.created + t.created, sum.letters + t.letters, sum.failed + t.failed,
		}
	}
	for _, link := range s.vendor.Links() {
		add(link.CheckoutToken, tally{links: 1})
	}
	for _, session := range s.vendor.Sessions() {
		add(session.CheckoutToken, tally{sessions: 1})
	}
	for _, msg := range s.messages(events.StreamLinks) {
		notice, err := events.DecodeNotice(msg.Subject, msg.Header, msg.Data)
		switch {
		case err != nil:
			s.t.Fatal(err)
		case notice.Created != nil:
			add(notice.Created.CheckoutToken, tally{created: 1})
			if id := msg.Header.Get("ce-id"); ids[id] == 0 {
				ids[notice.Created.CheckoutToken]++
				ids[id] = 1
			}
		case notice.Failed != nil:
			add(tokenOfID(notice.Failed.CausationID), tally{failed: 1})
		}
	}
	for _, letter := range s.deadLetters() {
		add(tokenOfID(letter.MsgID), tally{letters: 1})
	}
	return counts, ids
}

// check holds what there is of each token to what its scene wants, or to what want makes of it.
func (s *stage) check(want func(*part) (wanted tally, spare int)) {
	s.t.Helper()
	counts, ids := s.observe()
	for _, p := range s.parts {
		wanted, spare, got := p.want, p.spare, counts[p.token]
		if want != nil {
			wanted, spare = want(p)
		}
		if more := got.sessions - wanted.sessions; 0 < more && more <= spare {
			got.sessions = wanted.sessions
		}
		if got != wanted {
			s.t.Errorf("%s: got %+v, want %+v", p, got, wanted)
		}
		if ids[p.token] != min(p.want.created, wanted.created) {
			s.t.Errorf("%s: link.created has %d ids", p, ids[p.token])
		}
	}
}

// checkRecords looks into Redis: each event has one outcome there, and it is the right one.
func (s *stage) checkRecords() {
	s.t.Helper()
	store := claim.New(s.rdb, s.settings.RedisPrefix, s.settings.DedupTTL, s.settings.ClaimTTL)
	for _, p := range s.parts {
		p.mu.Lock()
		sight, err := store.Inspect(s.t.Context(), p.read, p.identity, p.event)
		p.mu.Unlock()
		s.must(err)
		switch {
		case p.event == "":
			s.t.Errorf("%s: no worker has come to a verdict", p)
		case p.dies && (!sight.Dead || !sight.Ended || sight.Event == p.event):
			s.t.Errorf("%s: recorded is %+v, want a death with its letter", p, sight)
		case !p.dies && (sight.Dead || sight.State != "published"):
			s.t.Errorf("%s: recorded is %+v, want a link that was told of", p, sight)
		}
	}
}

// checkCounted holds the metric to the events: whatever stood still, each but a duplicate is counted once.
func (s *stage) checkCounted(lives []*life) {
	s.t.Helper()
	want, got := map[string]int{}, map[string]int{}
	for _, p := range s.parts {
		switch {
		case p.duplicate:
		case p.dies:
			want["dead"]++
		default:
			want[resultPublished]++
		}
	}
	for _, l := range lives {
		for outcome, n := range l.outcomes() {
			got[outcome] += n
		}
	}
	delete(got, resultDuplicate)
	if !maps.Equal(got, want) {
		s.t.Errorf("counted are %v, want %v", got, want)
	}
}

// outcomes is what a worker has counted.
func (r *running) outcomes() map[string]int {
	r.world.t.Helper()
	families, err := r.registry.Gather()
	r.world.must(err)
	counted := map[string]int{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if family.GetName() == "linkworker_outcomes_total" && label.GetName() == "outcome" {
					counted[label.GetValue()] += int(m.GetCounter().GetValue())
				}
			}
		}
	}
	return counted
}
