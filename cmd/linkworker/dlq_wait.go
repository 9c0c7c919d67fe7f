package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	s.begin(len(all), "waiting")
	defer s.end()
	var printing error
	err := watch.Wait(ctx, all, func(o deadletter.Outcome) {
		fates[o.Fate]++
		if s.bar != nil {
			_ = s.bar.Add(1) // decoration
		}
		if err := s.tellOutcome(o); err != nil && printing == nil {
			printing = err
			cancel()
		}
	})
	s.end()
	s.app.sayf("what became of %d: %s", len(all), fateCounts(fates))
	return fates, errors.Join(err, printing)
}

func (s *sending) tellOutcome(o deadletter.Outcome) error {
	if s.flags.json() {
		return writeLine(s.app.stdout, outcomeLine{idText(o.ID), o.Fate, o.URL, o.DeadLetter, o.Reason, o.Code, o.Detail})
	}
	good := o.Fate == deadletter.FateCreated || o.Fate == deadletter.FateDuplicate
	if good && s.quiet() {
		return nil
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
