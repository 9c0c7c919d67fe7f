package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker"
)

var update = flag.Bool("update", false, "rewrite the tables of commands and of rights in the README")

const (
	repository = "../.."
	readmePath = repository + "/README.md"
)

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// holdReadme holds what stands between the marks of that name to what is wanted; -update puts it there.
func holdReadme(t *testing.T, name, want string) {
	t.Helper()
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
	before, rest, found := strings.Cut(readme(t), begin)
	shown, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("the README has no place for %s", name)
	}
	if *update {
		if err := os.WriteFile(readmePath, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != want {
		t.Errorf("what the README says of %s is not up to date; run go test ./cmd/linkworker -run %s -update; want\n%s", name, t.Name(), want)
	}
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// blocks returns the README's code blocks in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, m := range fence.FindAllStringSubmatch(readme(t), -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("the README has no %s", language)
	}
	return found
}

// commandLines returns the commands of all sh blocks, split into words as a shell does it: single quotes, line
// continuations and assignments in front, which are left out.
func commandLines(t *testing.T) [][]string {
	t.Helper()
	var lines [][]string
	for _, block := range blocks(t, "sh") {
		lines = append(lines, shellWords(t, block)...)
	}
	return lines
}

var assignment = regexp.MustCompile(`^[A-Z_]+=`)

func shellWords(t *testing.T, text string) (lines [][]string) {
	t.Helper()
	var line []string
	var word strings.Builder
	quoted, begun := false, false
	endWord := func() {
		if w := word.String(); begun && (len(line) > 0 || !assignment.MatchString(w)) {
			line = append(line, w)
		}
		word.Reset()
		begun = false
	}
	for _, r := range strings.ReplaceAll(text, "\\\n", " ") {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case !quoted && strings.ContainsRune("\"$`&;|#\\", r):
			t.Fatalf("this test does not know such shell: %s", text)
		case quoted || r != ' ' && r != '\n':
			word.WriteRune(r)
			begun = true
		default:
			endWord()
			if r == '\n' && len(line) > 0 {
				lines = append(lines, line)
				line = nil
			}
		}
	}
	return lines
}

// The table of commands is the program's.
func TestReadmeCommands(t *testing.T) {
	var want strings.Builder
	want.WriteString("| command | does |\n| --- | --- |\n")
	for _, cmd := range new(app).root(nil).Commands() {
		if cmd.Hidden {
			continue
		}
		use, _, _ := strings.Cut(strings.TrimSuffix(cmd.Use, " [flags]"), " [flags]")
		fmt.Fprintf(&want, "| `linkworker %s` | %s |\n", strings.ReplaceAll(use, "|", `\|`), cmd.Short)
	}
	holdReadme(t, "commands", want.String())
}

var inlineCommand = regexp.MustCompile("`(linkworker [a-z][^`]*)`")

// Every command line of linkworker, in a block or in a sentence, is one that the program takes, and the files that it
// reads are there.
func TestReadmeCommandLines(t *testing.T) {
	lines := commandLines(t)
	prose := fence.ReplaceAllString(readme(t), "")
	prose = regexp.MustCompile(`(?s)<!-- commands:begin -->.*<!-- commands:end -->`).ReplaceAllString(prose, "")
	for _, m := range inlineCommand.FindAllStringSubmatch(prose, -1) {
		lines = append(lines, strings.Fields(m[1]))
	}
	checked := 0
	for _, line := range lines {
		at := slices.IndexFunc(line, func(word string) bool {
			return word == "linkworker" || word == "/linkworker" || word == "./cmd/linkworker"
		})
		if at < 0 || slices.Contains(line[:at], "install") {
			continue
		}
		args := line[at+1:]
		if i := slices.Index(args, "<"); i >= 0 {
			if _, err := os.Stat(filepath.Join(repository, args[i+1])); err != nil {
				t.Error(err)
			}
			args = args[:i]
		}
		if err := accepts(args); err != nil {
			t.Errorf("linkworker %s: %v", strings.Join(args, " "), err)
		}
		checked++
	}
	if checked < 10 {
		t.Errorf("only %d command lines found", checked)
	}
}

// accepts is nil when the program would begin to do what args say.
func accepts(args []string) error {
	cmd, rest, err := new(app).root(args).Find(args)
	if err != nil {
		return err
	}
	if !cmd.HasParent() && !slices.Equal(args, []string{"COMMAND", "--help"}) {
		return fmt.Errorf("no such command")
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if cmd.Args == nil || !cmd.HasParent() || cmd.Flags().Changed("help") {
		return nil
	}
	// In a sentence a command may stand without the arguments that it needs.
	if rest := cmd.Flags().Args(); len(rest) > 0 || cmd.Name() != "emit" {
		return cmd.Args(cmd, rest)
	}
	return nil
}

var runbookCommand = regexp.MustCompile("(?m)`(linkworker [^`]*)`|^ *(linkworker .*)$")

// Every command line of the runbook is one that the program takes.
func TestRunbookCommandLines(t *testing.T) {
	runbook, err := os.ReadFile(filepath.Join(repository, "deploy", "runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, m := range runbookCommand.FindAllStringSubmatch(string(runbook), -1) {
		line, _, _ := strings.Cut(m[1]+m[2], " >>")
		for _, args := range shellWords(t, line+"\n") {
			if err := accepts(args[1:]); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			checked++
		}
	}
	if checked < 10 {
		t.Errorf("only %d command lines found", checked)
	}
}

// Each event that the README publishes with the nats command line is one that the worker takes, and all three forms are
// shown.
func TestReadmeEvents(t *testing.T) {
	forms := map[string]bool{}
	for _, line := range commandLines(t) {
		if len(line) < 2 || line[0] != "nats" || line[1] != "req" && line[1] != "pub" {
			continue
		}
		subject, header, body := natsMessage(t, line[2:])
		if _, err := events.Decode(subject, header, body); err != nil {
			t.Errorf("%v\n%s", err, body)
			continue
		}
		var envelope struct {
			Specversion string         `json:"specversion"`
			Data        jsontext.Value `json:"data"`
		}
		if err := json.Unmarshal(body, &envelope); err != nil {
			t.Error(err)
		}
		data, form := body, "plain"
		switch {
		case envelope.Specversion != "":
			data, form = envelope.Data, "structured"
		case header["ce-specversion"] != nil:
			form = "binary"
		}
		forms[form] = true
		if unknown := events.UnknownFields(subject, data); len(unknown) > 0 {
			t.Errorf("unknown fields %v in\n%s", unknown, body)
		}
	}
	if len(forms) != 3 {
		t.Errorf("forms shown: %v, want plain, binary and structured", forms)
	}
}

func natsMessage(t *testing.T, args []string) (subject string, header nats.Header, body []byte) {
	t.Helper()
	header = nats.Header{}
	var positional []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-H" && i+1 < len(args):
			i++
			name, value, found := strings.Cut(args[i], ":")
			if !found {
				t.Fatalf("not a header: %s", args[i])
			}
			header[name] = append(header[name], value)
		case !strings.HasPrefix(args[i], "-"):
			positional = append(positional, args[i])
		}
	}
	if len(positional) != 2 {
		t.Fatalf("want a subject and a body: %q", args)
	}
	return positional[0], header, []byte(positional[1])
}

// metricNames collects the names of what is registered with it.
type metricNames struct{ names []string }

var metricName = regexp.MustCompile(`fqName: "([^"]+)"`)

func (m *metricNames) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		_ = m.Register(c)
	}
}

func (m *metricNames) Register(c prometheus.Collector) error {
	descs := make(chan *prometheus.Desc, 16)
	c.Describe(descs)
	close(descs)
	for desc := range descs {
		m.names = append(m.names, metricName.FindStringSubmatch(desc.String())[1])
	}
	return nil
}

func (m *metricNames) Unregister(prometheus.Collector) bool { return false }

// The metrics in the README are the worker's.
func TestReadmeMetrics(t *testing.T) {
	var registered metricNames
	worker.NewMetrics(&registered)
	var shown []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(linkworker_[a-z_]+)` \\|").FindAllStringSubmatch(readme(t), -1) {
		shown = append(shown, m[1])
	}
	slices.Sort(registered.names)
	slices.Sort(shown)
	if len(shown) == 0 || !slices.Equal(shown, registered.names) {
		t.Errorf("the README has\n%v, the worker\n%v", shown, registered.names)
	}
}

// The docker-compose lines are those that stand above docker-compose.yml.
func TestReadmeCompose(t *testing.T) {
	compose, err := os.ReadFile(repository + "/docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, block := range blocks(t, "sh") {
		for line := range strings.Lines(block) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "docker-compose ") {
				found++
				if !strings.Contains(string(compose), line) {
					t.Errorf("not above docker-compose.yml: %s", line)
				}
			}
		}
	}
	if found == 0 {
		t.Error("the README has no line of docker-compose")
	}
}
