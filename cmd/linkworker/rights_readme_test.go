package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The table of rights is that of deploy/nats-users.conf.
func TestReadmeRights(t *testing.T) {
	const begin, end = "<!-- rights:begin -->\n", "<!-- rights:end -->"
	text := readme(t)
	before, rest, found := strings.Cut(text, begin)
	table, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatal("the README has no place for the table of rights")
	}
	allowed := permissions(t)
	var subjects []string
	for _, role := range roles {
		for _, subject := range allowed[role].Publish.Allow {
			if !slices.Contains(subjects, subject) {
				subjects = append(subjects, subject)
			}
		}
	}
	want := "| may publish to | " + strings.Join(roles, " | ") + " |\n| --- |" + strings.Repeat(" --- |", len(roles)) + "\n"
	for _, subject := range subjects {
		want += "| `" + subject + "` |"
		for _, role := range roles {
			if slices.Contains(allowed[role].Publish.Allow, subject) {
				want += " yes |"
			} else {
				want += " |"
			}
		}
		want += "\n"
	}
	if *update {
		if err := os.WriteFile(readmePath, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("the table of rights is not up to date; run go test ./cmd/linkworker -run TestReadmeRights -update; want\n%s", want)
	}
}
