package torture

import (
	"time"

	"github.com/linkworker/linkworker/worker/rig"
)

// Report is what came of a trial.
type Report struct {
	Version  string        `json:"version"`
	Time     time.Time     `json:"time"`
	Took     time.Duration `json:"tookNanoseconds"`
	Servers  rig.Kind      `json:"servers"`
	Settings Settings      `json:"settings"`
	// Events are how many were published, by class; Faults how many were done.
	Events map[Class]int `json:"events"`
	// LeftOut are replays that were not sent: the event had not died, or its letter was replayed before.
	LeftOut int           `json:"leftOut"`
	Faults  map[Fault]int `json:"faults"`
	// Strikes are the faults, in order.
	Strikes []Struck `json:"strikes"`
	// Results counts what became of the events.
	Results    Results     `json:"results"`
	Invariants []Invariant `json:"invariants"`
	// Logs is where the workers' logs are.
	Logs string `json:"logs,omitempty"`
}

// Results counts what became of the events.
type Results struct {
	Links       int            `json:"links"`    // at the vendor
	Sessions    int            `json:"sessions"` // at the vendor
	Calls       int            `json:"calls"`    // of the vendor
	Told        int            `json:"linkCreated"`
	DeadLetters map[string]int `json:"deadLetters"` // by reason
}

// Broken reports whether an invariant is.
func (r *Report) Broken() bool {
	for _, i := range r.Invariants {
		if i.Broken > 0 {
			return true
		}
	}
	return false
}

// examplesKept is how many counter-examples of an invariant are shown whole.
const examplesKept = 5

func (t *trial) report(f *found, stuck, accidents error) (*Report, error) {
	j := &judge{found: f, published: t.published, strikes: t.strikes}
	j.all(stuck, accidents)
	r := &Report{
		Version: t.Version, Time: t.begun.UTC(), Took: time.Since(t.begun), Servers: t.servers.Kind, Settings: t.Settings,
		Events: map[Class]int{}, LeftOut: t.leftOut, Faults: map[Fault]int{}, Strikes: t.strikes, Logs: t.Dir,
		Results: Results{
			Links: len(f.links), Told: len(f.created), DeadLetters: map[string]int{}, Calls: len(t.vendor.Requests()),
		},
	}
	for _, a := range f.asked {
		if class := a.class; a.replays > 0 {
			r.Events[Replay]++
		} else {
			r.Events[class]++
		}
	}
	for _, s := range t.strikes {
		r.Faults[s.Fault]++
	}
	for _, s := range f.sessions {
		r.Results.Sessions += len(s)
	}
	for _, letters := range f.letters {
		r.Results.DeadLetters[string(letters[0].Reason)]++
	}
	for _, i := range j.invariants {
		examples, err := t.examples(j, i.examples[:min(len(i.examples), examplesKept)])
		if err != nil {
			return nil, err
		}
		r.Invariants = append(r.Invariants, Invariant{Name: i.name, Checked: i.checked, Broken: len(i.examples), Forgotten: i.forgotten, Examples: examples})
	}
	return r, nil
}
