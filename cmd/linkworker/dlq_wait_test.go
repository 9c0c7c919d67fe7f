package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/worker/deadletter"
)

// Of many replays, what has failed again is told by cause.
func TestFailuresByCause(t *testing.T) {
	var out, errs buffer
	a := &app{stdout: &out, stderr: &errs}
	f := newFailures()
	tell := func(o deadletter.Outcome) {
		t.Helper()
		if err := f.add(o); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 30 {
		tell(deadletter.Outcome{Fate: deadletter.FateFailed, Reason: "rejected", Code: "11", Detail: fmt.Sprintf("account %d is locked", i), DeadLetter: fmt.Sprint(i + 1)})
		tell(deadletter.Outcome{Fate: deadletter.FateCreated, URL: "https://pay.example/1"})
		tell(deadletter.Outcome{Fate: deadletter.FateOpen})
	}
	for i := range manyLines {
		tell(deadletter.Outcome{Fate: deadletter.FateFailed, Reason: "conflict", Detail: "\x1b" + strings.Repeat("x", i), DeadLetter: "99"})
	}
	if err := f.print(a); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(rows) != manyLines+1 || rows[1] != "30      30       rejected  11    account # is locked" || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%d rows:\n%s", len(rows), out.String())
	}
	if errs.String() != "causes left out here: 1; linkworker dlq ls --group reason,code,detail has all\n" {
		t.Errorf("%s", errs.String())
	}
	var none buffer
	if err := newFailures().print(&app{stdout: &none, stderr: &none}); err != nil || none.String() != "" {
		t.Errorf("%v: %s", err, none.String())
	}
}
