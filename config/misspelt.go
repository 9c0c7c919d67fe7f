package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// serviceLink is what Docker and Kubernetes put into the environment for other
// services; NATS_PORT says nothing about a slip of the pen.
var serviceLink = regexp.MustCompile(`_SERVICE_(HOST|PORT)|_PORT$|_PORT_[0-9]+_(TCP|UDP)`)

// Misspelt returns a warning for each variable in environ (as [os.Environ]
// gives it) that is no setting but looks as if it were meant to be one. Values
// are never quoted.
func Misspelt(environ []string) []string {
	known := map[string]bool{}
	var names []string
	for _, s := range Settings() {
		for _, name := range []string{s.Name, s.File()} {
			if name != "" {
				known[name] = true
				names = append(names, name)
			}
		}
	}
	var warnings []string
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if value == "" || known[name] || serviceLink.MatchString(name) {
			continue
		}
		if text := suspicion(name, names); text != "" {
			warnings = append(warnings, fmt.Sprintf("%s: %s", clip(name), text))
		}
	}
	slices.Sort(warnings)
	return warnings
}

// suspicion says what is odd about an unknown variable, or "".
func suspicion(name string, names []string) string {
	if base, ok := strings.CutSuffix(name, "_FILE"); ok && slices.Contains(names, base) {
		return "not a setting: " + base + " has no _FILE form; set " + base
	}
	near, distance := nearest(strings.ToUpper(name), names)
	// A long name has room for two slips; in a short one they make another word.
	if distance <= 1 || distance == 2 && len(near) >= 12 {
		return "not a setting; did you mean " + near + "?"
	}
	if strings.HasPrefix(name, "CONOMY_") || strings.HasPrefix(name, "MERCHANT_") {
		return "not a setting; it has no effect"
	}
	return ""
}

func nearest(name string, names []string) (near string, distance int) {
	distance = len(name) + 1
	for _, candidate := range names {
		if d := editDistance(name, candidate); d < distance {
			near, distance = candidate, d
		}
	}
	return near, distance
}

// editDistance counts the letters to insert, delete, replace or swap with
// their neighbour to make b of a (optimal string alignment).
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
