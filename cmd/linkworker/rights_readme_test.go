package main

import (
	"slices"
	"strings"
	"testing"
)

// The table of rights is that of deploy/nats-users.conf.
func TestReadmeRights(t *testing.T) {
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
	holdReadme(t, "rights", want)
}
