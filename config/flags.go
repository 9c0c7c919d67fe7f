package config

import (
	"strings"

	"github.com/spf13/pflag"
)

// AddFlags adds the flags of these groups to fs, of all groups when none is
// named. Secrets have none: a command line is seen by every user of a machine.
// The values are checked by [Load], together with the environment.
func AddFlags(fs *pflag.FlagSet, groups ...Group) {
	for _, s := range Settings() {
		if s.Flag == "" || !inGroups(s.Group, groups) {
			continue
		}
		fs.Var(&flagValue{text: s.Default, kind: s.kind}, s.Flag, s.flagUsage())
		if s.kind == "bool" {
			fs.Lookup(s.Flag).NoOptDefVal = "true"
		}
	}
}

func (s Setting) flagUsage() string {
	from := "env " + s.Name
	if s.File() != "" {
		from += " or " + s.File()
	}
	return s.Usage + " (" + from + ")"
}

// EnvUsage lists the secrets of these groups for a command's help, since they
// have no flag that would show them: one per line.
func EnvUsage(groups ...Group) string {
	var b strings.Builder
	for _, s := range Settings() {
		if s.Secret && inGroups(s.Group, groups) {
			b.WriteString("  " + s.Name + ", " + s.File() + "\n        " + s.Usage)
			if s.Required {
				b.WriteString(" (required)")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// flagValue keeps a flag's text as it is, so that [Load] can report a faulty
// flag together with all other faults.
type flagValue struct{ text, kind string }

func (v *flagValue) String() string { return v.text }
func (v *flagValue) Type() string   { return v.kind }
func (v *flagValue) Set(text string) error {
	v.text = text
	return nil
}
