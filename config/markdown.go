package config

import "strings"

// Markdown renders [Settings] as the table of the README.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| variable | default | |\n| --- | --- | --- |\n")
	var group Group
	for _, s := range Settings() {
		if s.Group != group {
			group = s.Group
			b.WriteString("| **" + string(group) + "** | | |\n")
		}
		b.WriteString("| `" + s.Name + "` | " + s.markdownDefault() + " | " + s.markdownUsage() + " |\n")
	}
	return b.String()
}

func (s Setting) markdownDefault() string {
	switch {
	case s.Required:
		return "required"
	case s.Default == "":
		return ""
	}
	return "`" + s.Default + "`"
}

func (s Setting) markdownUsage() string {
	usage := strings.ReplaceAll(s.Usage, "|", `\|`)
	if s.Secret {
		usage = "secret: " + usage
	}
	return usage
}
