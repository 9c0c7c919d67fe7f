package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/torture"
)

func (a *app) printTorture(f *tortureFlags, r *torture.Report) error {
	if f.output == "json" {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			*torture.Report
			Repeat string `json:"repeat"`
		}{r, f.repeat(r)})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "linkworker %s; NATS: %s; Redis: %s; seed %d, %v\n", r.Version, r.Servers.NATS, r.Servers.Redis, r.Settings.Seed, r.Took.Round(time.Second))
	fmt.Fprintf(&b, "events   %s%s\n", counts(r.Events), leftOut(r.LeftOut))
	fmt.Fprintf(&b, "faults   %s\n", counts(r.Faults))
	fmt.Fprintf(&b, "results  %d link.created; dead letters: %s; at the vendor %d links, %d sessions, %d calls\n\n",
		r.Results.Told, counts(r.Results.DeadLetters), r.Results.Links, r.Results.Sessions, r.Results.Calls)
	for _, i := range r.Invariants {
		verdict := "ok"
		if i.Forgotten > 0 {
			verdict = fmt.Sprintf("ok; %d explained by what Redis forgot, see the README", i.Forgotten)
		}
		if i.Broken > 0 {
			verdict = fmt.Sprintf("BROKEN %d times", i.Broken)
		}
		fmt.Fprintf(&b, "%-76s %7d  %s\n", i.Name, i.Checked, verdict)
	}
	for _, i := range r.Invariants {
		for _, example := range i.Examples {
			printExample(&b, i.Name, example)
		}
	}
	if r.Broken() {
		fmt.Fprintf(&b, "\nThe promise is BROKEN. The workers' logs: %s\n", r.Logs)
	} else {
		fmt.Fprintf(&b, "\nThe promise has held.\n")
	}
	fmt.Fprintf(&b, "The same again: %s\n", f.repeat(r))
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

// leftOut explains why there are fewer events than were asked for.
func leftOut(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d replay left out, with nothing to replay", n)
}

// counts lists how many there are of each, the most first.
func counts[K ~string](m map[K]int) string {
	names := slices.SortedFunc(maps.Keys(m), func(x, y K) int {
		if m[x] != m[y] {
			return m[y] - m[x]
		}
		return strings.Compare(string(x), string(y))
	})
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf("%d %s", m[name], name))
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

func printExample(b *strings.Builder, name string, e torture.Example) {
	fmt.Fprintf(b, "\nBROKEN: %s\n  %s\n", name, visible(e.What))
	if e.Token != "" {
		fmt.Fprintf(b, "  checkoutToken %s\n", visible(e.Token))
	}
	for _, entry := range e.Timeline {
		fmt.Fprintf(b, "  %s  %-14s  %s\n", entry.Time.UTC().Format("15:04:05.000"), entry.Where, visible(entry.What))
	}
}

// repeat is the command line that does the same again.
func (f *tortureFlags) repeat(r *torture.Report) string {
	var names []string
	for _, fault := range r.Settings.Faults {
		names = append(names, string(fault))
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	line := fmt.Sprintf("linkworker torture --seed %d --events %d --workers %d --every %d --faults %s", r.Settings.Seed, r.Settings.Events,
		r.Settings.Workers, r.Settings.Every, strings.Join(names, ","))
	if f.given {
		line += " --given"
	}
	for _, command := range f.natsOutages {
		line += " --nats-outage " + shellQuote(command)
	}
	for _, command := range f.redisOutages {
		line += " --redis-outage " + shellQuote(command)
	}
	for _, argument := range f.chosen {
		line += " " + shellQuote(argument)
	}
	return line
}

// chosenByFlags are the arguments that made settings, with a password in a URL masked. What the environment has set is there
// for the next command, too.
func chosenByFlags(cfg *config.Config) (arguments []string) {
	flags := map[string]string{}
	for _, setting := range config.Settings() {
		flags[setting.Name] = setting.Flag
	}
	for _, value := range cfg.Effective() {
		if value.Source == string(config.SourceFlag) {
			arguments = append(arguments, "--"+flags[value.Name]+"="+value.Value)
		}
	}
	return arguments
}

// shellPlain is what a shell takes as it stands.
var shellPlain = regexp.MustCompile(`^[\w./:,=@%+-]+$`)

// shellQuote writes an argument so that a shell reads it as one.
func shellQuote(text string) string {
	if shellPlain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// tortureProgress shows how far it is, for people who wait.
func (a *app) tortureProgress() func(done, all int, what string) {
	if !isTerminal(a.stderr) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, all int, what string) {
		if bar == nil {
			bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(a.stderr), progressbar.OptionShowCount(),
				progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
				progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())
		}
		if what != "" {
			bar.Describe(what)
		}
		if done >= 0 {
			_ = bar.Set(min(done, all)) // decoration
		}
	}
}
