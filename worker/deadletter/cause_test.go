package deadletter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCauses(t *testing.T) {
	causes, err := GroupBy(KeyReason, KeyCode, KeyDetail)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 5, 18, 11, 0, 0, 0, time.UTC)
	for i := range 300 {
		token := fmt.Sprintf("inv-%d", i)
		l := &Letter{Reason: ReasonRejected, Code: "11", Token: token, Detail: fmt.Sprintf("account %d of %s is locked", i, token)}
		if i%3 == 0 {
			l = &Letter{Reason: ReasonConflict, Token: token, Detail: fmt.Sprintf(`items[%d].totalAmount: "%d.50" here, "a \" b" there`, i%7, i)}
		}
		causes.Add(&Entry{ID: uint64(i + 1), Stored: start.Add(time.Duration(i) * time.Second), Letter: l})
	}
	causes.Add(&Entry{ID: 301, Stored: start, Fault: fmt.Errorf("foreign")})
	all := causes.Largest()
	if len(all) != 3 || all[0].Count != 200 || all[1].Count != 100 || all[2].Count != 1 {
		t.Fatalf("%d groups", len(all))
	}
	first := all[0]
	if !slices.Equal(first.Values, []string{"rejected", "11", "account # of {checkoutToken} is locked"}) || first.Example != 300 ||
		!first.First.Equal(start.Add(time.Second)) || !first.Last.Equal(start.Add(299*time.Second)) {
		t.Errorf("%+v", first)
	}
	if got := all[1].Values[2]; got != `items[#].totalAmount: "…" here, "…" there` {
		t.Errorf("got %s", got)
	}
}

func TestCausesAreBounded(t *testing.T) {
	causes, err := GroupBy(KeyDetail)
	if err != nil {
		t.Fatal(err)
	}
	word := func(i int) string { // not a number
		return strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i))
	}
	for i := range maxCauses + 50 {
		causes.Add(&Entry{ID: uint64(i + 1), Letter: &Letter{Reason: ReasonPanic, Detail: word(i)}})
	}
	all := causes.Largest()
	if len(all) != maxCauses+1 || all[0].Count != 50 || all[0].Values[0] != Others || all[0].Example != 0 {
		t.Errorf("%d groups, the largest %+v", len(all), all[0])
	}
}

func TestGroupByRefuses(t *testing.T) {
	for _, keys := range [][]string{nil, {""}, {"token"}, {KeyCode, KeyCode}} {
		if _, err := GroupBy(keys...); err == nil {
			t.Errorf("%q passes", keys)
		}
	}
}

func TestAdviceForEachReason(t *testing.T) {
	for _, reason := range Reasons() {
		a, ok := AdviceFor(reason)
		if !ok || a.Meaning == "" || a.Cause == "" || len(a.Do) == 0 {
			t.Errorf("%s: %+v", reason, a)
		}
	}
	if _, ok := AdviceFor("bored"); ok || len(advice) != len(Reasons()) {
		t.Error("advice for what is no reason")
	}
}
