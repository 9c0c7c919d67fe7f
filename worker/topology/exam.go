package topology

import (
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// topology judges the scene.
func (s *scene) topology(settings Settings, made map[string]bool) *Topology {
	t := &Topology{
		Streams:   s.carrier,
		Consumers: make(map[string]jetstream.Consumer),
		AckWait:   make(map[string]time.Duration),
	}
	e := &exam{settings: settings, longestAckWait: s.longestAckWait(settings)}
	for _, r := range roles {
		s.examineRole(e, t, r)
	}
	for _, r := range readers {
		object := Object{Kind: KindConsumer, Name: r.name, Stream: s.carrier[r.subject], Subjects: []string{r.subject}}
		e.object = object.String()
		if c := s.consumers[r.subject]; c != nil {
			object.Exists = true
			e.consumer(r, c.info, s.streams[object.Stream].Config)
			t.AckWait[r.subject], _ = ackWaits(c.info.Config)
			if c.consumer != nil {
				t.Consumers[r.subject] = c.consumer
			}
		} else {
			e.missing("there is none, so nobody reads "+r.subject, "linkworker provision")
		}
		t.Objects = append(t.Objects, object)
	}
	for i, object := range t.Objects {
		t.Objects[i].Made = made[object.String()]
	}
	t.Findings = e.findings
	return t
}

// examineRole looks at each stream that has a part of the role, and at the one
// that is to be made for the rest.
func (s *scene) examineRole(e *exam, t *Topology, r role) {
	for _, subject := range r.subjects() {
		name, ok := s.carrier[subject]
		if !ok {
			continue
		}
		t.addStream(name, subject)
		e.stream(r, s.streams[name].Config)
	}
	lacking := s.lacking(r)
	if len(lacking) == 0 {
		return
	}
	plan := r.stream(lacking, e.settings)
	if info := s.streams[plan.Name]; info != nil {
		t.addStream(plan.Name, "")
		e.nameTaken(info.Config, lacking)
		return
	}
	t.Objects = append(t.Objects, Object{Kind: KindStream, Name: plan.Name, Subjects: lacking})
	e.object = KindStream + " " + plan.Name
	e.missing(fmt.Sprintf("no stream carries %s", list(lacking)), "linkworker provision")
	e.planned(r, plan)
}

func (t *Topology) addStream(name, subject string) {
	i := slices.IndexFunc(t.Objects, func(o Object) bool { return o.Kind == KindStream && o.Name == name && o.Exists })
	if i < 0 {
		i = len(t.Objects)
		t.Objects = append(t.Objects, Object{Kind: KindStream, Name: name, Exists: true})
	}
	if subject != "" {
		t.Objects[i].Subjects = append(t.Objects[i].Subjects, subject)
	}
}

// longestAckWait is the longest time for which a consumer leaves an event alone,
// and so the earliest that a repeat can be counted on.
func (s *scene) longestAckWait(settings Settings) time.Duration {
	var longest time.Duration
	for _, r := range readers {
		wait := settings.AckWait
		if c := s.consumers[r.subject]; c != nil {
			_, wait = ackWaits(c.info.Config)
		}
		longest = max(longest, wait)
	}
	return longest
}

// ackWaits are the shortest and the longest acknowledgement wait of a consumer: a
// server-side backoff takes the place of the one wait.
func ackWaits(c jetstream.ConsumerConfig) (shortest, longest time.Duration) {
	if len(c.BackOff) == 0 {
		return c.AckWait, c.AckWait
	}
	return slices.Min(c.BackOff), slices.Max(c.BackOff)
}

// exam collects findings.
type exam struct {
	settings       Settings
	longestAckWait time.Duration
	object         string // what is being looked at
	findings       []Finding
}

// find adds a finding, once: a stream may have several roles.
func (e *exam) find(severity Severity, problem, mend string) {
	f := Finding{Object: e.object, Severity: severity, Problem: problem, Mend: mend}
	if !slices.Contains(e.findings, f) {
		e.findings = append(e.findings, f)
	}
}

func (e *exam) missing(problem, mend string) { e.find(Missing, problem, mend) }
func (e *exam) unfit(problem, mend string)   { e.find(Unfit, problem, mend) }
func (e *exam) weak(problem, mend string)    { e.find(Weak, problem, mend) }
