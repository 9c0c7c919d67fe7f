package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linkworker/linkworker/worker/deadletter"
)

// targets are the letters that a command is to change.
type targets struct {
	ids []uint64 // oldest first where they were looked for
	// named says that the user named each of them.
	named   bool
	reasons map[deadletter.Reason]int
}

// find lists the letters that the filter means.
func (d *dlq) find(ctx context.Context, f *dlqFlags) (*targets, error) {
	t := &targets{reasons: map[deadletter.Reason]int{}}
	err := d.list(ctx, f.filter, func(e *deadletter.Entry) error {
		if e.Letter == nil {
			d.app.sayf("message %d of the stream %s is left out: %s", e.ID, d.Name(), visible(e.Fault.Error()))
			return nil
		}
		t.ids = append(t.ids, e.ID)
		t.reasons[e.Letter.Reason]++
		return nil
	})
	slices.Reverse(t.ids)
	return t, err
}

// String says how many there are and why they died, as far as it is known.
func (t *targets) String() string {
	text := letters(len(t.ids))
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(t.reasons)) {
		parts = append(parts, fmt.Sprintf("%d %s", t.reasons[reason], reason))
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

func letters(n int) string {
	if n == 1 {
		return "1 dead letter"
	}
	return fmt.Sprintf("%d dead letters", n)
}

// confirm asks a question whose answer is no unless it is yes. Without a terminal
// nobody can be asked.
func (a *app) confirm(ctx context.Context, question string) error {
	if !isTerminal(a.stdin) {
		return usagef("there is no terminal to ask on (%s); say --yes", question)
	}
	yes, err := a.askYes(ctx, question)
	if err == nil && !yes {
		err = fmt.Errorf("not confirmed; nothing was changed")
	}
	return err
}

// askYes reads the answer from the terminal. Ctrl-C, which the program hears as the
// end of ctx, is no answer.
func (a *app) askYes(ctx context.Context, question string) (bool, error) {
	_, _ = fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.stdin).ReadString('\n') // the end of input is a no
		answer <- line
	}()
	select {
	case <-ctx.Done():
		a.sayf("")
		return false, fmt.Errorf("interrupted; nothing was changed")
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes", nil
	}
}
