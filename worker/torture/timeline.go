package torture

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Example is a counter-example.
type Example struct {
	What     string  `json:"what"`
	Token    string  `json:"checkoutToken,omitempty"`
	Timeline []Entry `json:"timeline"`
}

// Entry is one thing that happened.
type Entry struct {
	Time  time.Time `json:"time"`
	Where string    `json:"where"`
	What  string    `json:"what"`
}

// around is how long before and after a counter-example faults are shown.
const around = 3 * time.Second

// said is a line of a worker's log.
type said struct {
	Entry
	event string
}

// examples makes timelines of the counter-examples, of all that is known.
func (t *trial) examples(j *judge, counters []*counter) ([]Example, error) {
	names := map[string]bool{}
	for _, c := range counters {
		for name := range c.names {
			names[name] = true
		}
	}
	lines, err := t.said(names)
	if err != nil {
		return nil, err
	}
	var examples []Example
	for _, c := range counters {
		examples = append(examples, Example{What: c.what, Token: c.token, Timeline: j.timeline(c, lines)})
	}
	return examples, nil
}

func (j *judge) timeline(c *counter, lines []said) (all []Entry) {
	if c.token == "" {
		return nil
	}
	add := func(at time.Time, where, format string, args ...any) {
		all = append(all, Entry{at, where, fmt.Sprintf(format, args...)})
	}
	for _, a := range j.byToken[c.token] {
		add(a.stored, fmt.Sprintf("BILLING %d", a.sequence), "event %d published: %s%s, %s", a.number, a.class, of(string(a.amount)+a.request), a.name)
	}
	for _, r := range j.calls[c.token] {
		status := fmt.Sprintf("answered %d", r.Status)
		if r.Status == 0 {
			status = "no answer"
		}
		add(r.Time, "vendor", "%s called by %s: %s after %v", r.Endpoint, who(r.Header.Get(workerHeader)), status, r.Ended.Sub(r.Time).Round(time.Millisecond))
	}
	for _, told := range j.created {
		for _, n := range told {
			if n.Created.CheckoutToken == c.token {
				add(n.stored, fmt.Sprintf("LINKS %d", n.sequence), "%s, link %s, session %q, for %s", n.ID, n.Created.LinkID, n.Created.SessionID, n.Created.CausationID)
			}
		}
	}
	for name := range c.names {
		for _, n := range j.failures(&asked{name: name}) {
			add(n.stored, fmt.Sprintf("LINKS %d", n.sequence), "link.failed: %s: %s", n.Failed.Reason, n.Failed.Detail)
		}
		for _, l := range j.letters[name] {
			add(l.stored, fmt.Sprintf("DEADLETTERS %d", l.sequence), "dead letter: %s: %s", l.Reason, l.Detail)
		}
	}
	for _, line := range lines {
		if c.names[line.event] {
			all = append(all, line.Entry)
		}
	}
	if len(all) == 0 {
		return nil
	}
	byTime := func(a, b Entry) int { return a.Time.Compare(b.Time) }
	slices.SortStableFunc(all, byTime)
	from, to := all[0].Time.Add(-around), all[len(all)-1].Time.Add(around)
	for _, s := range j.strikes {
		if s.Begun.Before(to) && (s.Ended.IsZero() || s.Ended.After(from)) {
			add(s.Begun, "fault", "%s", s.What)
			if s.Ended.Sub(s.Begun) > 50*time.Millisecond {
				add(s.Ended, "fault", "over: %s", s.Fault)
			}
		}
	}
	slices.SortStableFunc(all, byTime)
	return all
}

func of(text string) string {
	if text == "" {
		return ""
	}
	return " of " + text
}

func who(worker string) string {
	if worker == "" {
		return "nobody known"
	}
	return "worker " + worker
}

// said reads what the workers' logs have about events.
func (t *trial) said(names map[string]bool) (lines []said, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	paths, err := t.logs()
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		found, err := saidIn(path, names)
		if err != nil {
			return nil, err
		}
		lines = append(lines, found...)
	}
	return lines, nil
}

func saidIn(path string, names map[string]bool) (lines []said, err error) {
	file, err := os.Open(path) // #nosec G304 -- a log that the trial's own worker has written
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	where := strings.TrimSuffix(filepath.Base(path), ".log")
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var line struct {
			Time                                               time.Time
			Level, Msg, Event, Fate, Result, Delay, Why, Error string
			Reason, Detail, Panic                              string
		}
		if json.Unmarshal(scanner.Bytes(), &line, json.MatchCaseInsensitiveNames(true)) != nil || !names[line.Event] {
			continue
		}
		text := line.Msg
		for _, more := range []string{line.Fate, line.Result, line.Delay, line.Why, line.Reason, line.Detail, line.Panic, line.Error} {
			if more != "" && more != "0s" {
				text += ", " + more
			}
		}
		lines = append(lines, said{Entry{line.Time, where, line.Event + ": " + text}, line.Event})
	}
	return lines, nil
}
