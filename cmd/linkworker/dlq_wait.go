package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/linkworker/linkworker/worker/deadletter"
)

// outcomeLine is what became of a replay.
type outcomeLine struct {
	ID         string          `json:"id"`
	Outcome    deadletter.Fate `json:"outcome"`
	URL        string          `json:"url,omitzero"`
	DeadLetter string          `json:"deadLetter,omitzero"`
	Reason     string          `json:"reason,omitzero"`
	Code       string          `json:"code,omitzero"`
	Detail     string          `json:"detail,omitzero"`
}

// await reports what becomes of replays, and counts.
func (s *sending) await(ctx context.Context, watch *deadletter.Watch, all []*deadletter.Sent, wait time.Duration) (map[deadletter.Fate]int, error) {
	fates := map[deadletter.Fate]int{}
	if len(all) == 0 {
		return fates, nil
	}
	asked := ctx
	ctx, cancel := context.WithTimeout(asked, wait)
	defer cancel()
	s.begin(len(all), "waiting")
	defer s.end()
	tell, failures := s.tellOutcome, newFailures()
	if s.many(len(all)) {
		tell = failures.add
	}
	var printing error
	err := watch.Wait(ctx, all, func(o deadletter.Outcome) {
		fates[o.Fate]++
		if s.bar != nil {
			_ = s.bar.Add(1) // decoration
		}
		if err := tell(o); err != nil && printing == nil {
			printing = err
			cancel()
		}
	})
	s.end()
	if asked.Err() != nil {
		s.app.sayf("interrupted; what became of %d so far: %s", len(all), fateCounts(fates))
	} else {
		s.app.sayf("what became of %d: %s", len(all), fateCounts(fates))
	}
	return fates, errors.Join(err, printing, failures.print(s.app))
}

// failures counts what has failed again by its cause, where a line for each would be
// too many.
type failures struct{ *deadletter.Causes }

func newFailures() failures {
	causes, err := deadletter.GroupBy(deadletter.KeyReason, deadletter.KeyCode, deadletter.KeyDetail)
	if err != nil {
		panic(err) // these keys there are
	}
	return failures{causes}
}

func (f failures) add(o deadletter.Outcome) error {
	if o.Fate == deadletter.FateFailed {
		id, _ := strconv.ParseUint(o.DeadLetter, 10, 64) // without one there is no example
		f.Add(&deadletter.Entry{ID: id, Letter: &deadletter.Letter{Reason: deadletter.Reason(o.Reason), Code: o.Code, Detail: o.Detail}})
	}
	return nil
}

func (f failures) print(a *app) error {
	t := a.newTable(column{title: "FAILED"}, column{title: "EXAMPLE"}, column{title: "REASON", paint: text.Colors{text.FgYellow}},
		column{title: "CODE"}, column{title: "DETAIL", prose: true, whole: true})
	causes := f.Largest()
	for _, cause := range causes[:min(len(causes), manyLines)] {
		if err := t.row(append([]string{strconv.Itoa(cause.Count), idText(cause.Example)}, cause.Values...)...); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil || len(causes) <= manyLines {
		return err
	}
	a.sayf("causes left out here: %d; linkworker dlq ls --group reason,code,detail has all", len(causes)-manyLines)
	return nil
}

func (s *sending) tellOutcome(o deadletter.Outcome) error {
	if s.flags.json() {
		return writeLine(s.app.stdout, outcomeLine{idText(o.ID), o.Fate, o.URL, o.DeadLetter, o.Reason, o.Code, o.Detail})
	}
	rest := o.URL
	if o.Fate == deadletter.FateFailed {
		rest = strings.Join(slices.DeleteFunc([]string{o.Reason, o.Code, o.Detail}, func(s string) bool { return s == "" }), ": ") +
			" (dead letter " + o.DeadLetter + ")"
	}
	s.clear()
	_, err := fmt.Fprintln(s.app.stdout, strings.TrimRight(fmt.Sprintf("%-8s  %-9s  %s", idText(o.ID), o.Fate, visible(rest)), " "))
	return err
}

// fateCounts lists how many had which fate.
func fateCounts(fates map[deadletter.Fate]int) string {
	var parts []string
	for _, fate := range []deadletter.Fate{
		deadletter.FateCreated, deadletter.FateDuplicate, deadletter.FateFailed, deadletter.FateEarlier, deadletter.FateOpen,
	} {
		if fates[fate] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", fates[fate], fate))
		}
	}
	if len(parts) == 0 {
		return "none was sent"
	}
	return strings.Join(parts, ", ")
}
