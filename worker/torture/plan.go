package torture

import (
	"math/rand/v2"
)

// round publishes events and does a fault while they are in work.
type round struct {
	events []*event
	strike *strike // nil: a calm one
}

// plan is what the seed decides.
type plan struct {
	run    string // sets the tokens of this run apart
	events []*event
	rounds []round
}

// The first calmRounds rounds are calm, and later each calmEvery-th: what only a fault can excuse shows itself there.
const (
	calmRounds = 2
	calmEvery  = 6
)

func newPlan(o *Options, run string) (*plan, error) {
	p := &plan{run: run}
	w := &writer{plan: p, random: rand.New(rand.NewPCG(o.Seed, 1))} // #nosec G404 -- the same seed is to give the same events
	s := newSchedule(o, rand.New(rand.NewPCG(o.Seed, 2)))           // #nosec G404 -- the same seed is to give the same faults
	for number := 0; len(p.events) < o.Events; number++ {
		r := round{}
		for range min(o.Every, o.Events-len(p.events)) {
			e, err := w.next(number)
			if err != nil {
				return nil, err
			}
			p.events = append(p.events, e)
			r.events = append(r.events, e)
		}
		if number >= calmRounds && number%calmEvery != 0 {
			r.strike = s.next()
		}
		p.rounds = append(p.rounds, r)
	}
	return p, nil
}
