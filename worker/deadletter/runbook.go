package deadletter

import (
	"fmt"
	"regexp"
	"strings"
)

// runbookIntro is what is done whatever the reason. It speaks to whoever is on call.
const runbookIntro = `# Runbook: dead letters

A dead letter is an event that ended without a link. It is kept until it is replayed or discarded, nothing is trimmed,
and nothing about it is urgent for the worker: it goes on with the others. What waits is the payer.

An alert is best made of ` + "`increase(linkworker_outcomes_total{outcome=\"dead\"}[10m])`" + `, by reason. While
` + "`linkworker_paused`" + ` is 1 nothing dies: the worker waits for Redis, for Conomy or for good credentials, and says which.

## From the alert to "done"

1. What is behind them? Thousands of letters mostly have a handful of causes:

   ` + "```sh" + `
   linkworker dlq ls --since 2h --group reason,code,detail
   ` + "```" + `

2. Look at the example that each cause names. It says what was asked, what Conomy said, what was tried, and what to do:

   ` + "```sh" + `
   linkworker dlq show 7
   ` + "```" + `

   Where one token is asked about, this tells its whole story, and whether its payer has a link:

   ` + "```sh" + `
   linkworker explain invoice-2005
   ` + "```" + `

3. Mend the cause, as its reason says below. A single letter's event can be corrected:

   ` + "```sh" + `
   linkworker dlq edit 7 --set currency=CLP --note 'OPS-412' --wait 30s
   ` + "```" + `

4. See what a replay would bring, then replay: a few first, the others only if those came to links.

   ` + "```sh" + `
   linkworker dlq replay --reason exhausted --since 2h --dry-run
   linkworker dlq replay --reason exhausted --since 2h --canary 5 --rate 20 --wait 5m --note 'OPS-412'
   ` + "```" + `

   It may be stopped anywhere, killed too, and run again or twice at once: no event is lost and no link doubled. What
   fails again is a new dead letter, with one replay more.

5. Give up what is not wanted any more. What is printed is all that is left of it:

   ` + "```sh" + `
   linkworker dlq discard 8 --note 'OPS-412' >>discarded.jsonl
   ` + "```" + `

6. Done is when this finds no dead letters:

   ` + "```sh" + `
   linkworker dlq ls --since 2h
   ` + "```" + `

## The reasons
`

// Runbook returns what to do about dead letters, as Markdown: the way from an alert
// to the end, and the advice for each reason. It stands in deploy/runbook.md.
func Runbook() string {
	var b strings.Builder
	b.WriteString(runbookIntro)
	for _, reason := range Reasons() {
		a := advice[reason]
		fmt.Fprintf(&b, "\n### %s\n\n", reason)
		b.WriteString(wrapped("", marked(a.Meaning)))
		b.WriteString("\n" + wrapped("", "Usual cause: "+marked(lowerFirst(a.Cause))) + "\n")
		for i, step := range a.Do {
			b.WriteString(wrapped(fmt.Sprintf("%d. ", i+1), marked(step)))
		}
	}
	return b.String()
}

// command is a command line in an advice: it ends with its sentence's part.
var command = regexp.MustCompile(`linkworker dlq [^;]*|MERCHANT_\w*`)

// marked sets commands and settings as code.
func marked(text string) string {
	return command.ReplaceAllStringFunc(text, func(s string) string { return "`" + s + "`" })
}

func lowerFirst(text string) string { return strings.ToLower(text[:1]) + text[1:] }

// runbookWidth is how long a line may be.
const runbookWidth = 120

// wrapped breaks a text into lines, behind a mark of its first one. What is set as
// code stays on one line.
func wrapped(mark, text string) string {
	var b strings.Builder
	indent := strings.Repeat(" ", len(mark))
	line := mark
	for _, word := range codeOrWord.FindAllString(text, -1) {
		switch {
		case strings.TrimSpace(line) == strings.TrimSpace(mark):
			line += word
		case len(line)+1+len(word) > runbookWidth:
			b.WriteString(line + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	b.WriteString(line + "\n")
	return b.String()
}

var codeOrWord = regexp.MustCompile("`[^`]*`\\S*|\\S+")
