package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/events"
)

// The Go programs of the README are built and run.
func TestReadmePrograms(t *testing.T) {
	server, err := startServer(t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer stopServer(server)
	nc, err := nats.Connect(server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, stream := range []string{events.StreamBilling, events.StreamLinks} {
		if err := makeStream(nc, stream); err != nil {
			t.Fatal(err)
		}
	}
	if err := publishLinks(nc, "invoice-1001"); err != nil {
		t.Fatal(err)
	}
	ran := map[string]bool{}
	for _, source := range blocks(t, "go") {
		program := buildProgram(t, source)
		switch {
		case strings.Contains(source, "events.NewProducer"):
			ran["producer"] = true
			for _, want := range []string{"BILLING false", "BILLING true"} { // the second is a repeat
				if got := firstLine(t, program, server.ClientURL(), false); got != want {
					t.Errorf("the producer prints %q, want %q", got, want)
				}
			}
		case strings.Contains(source, "events.NewNotifier"):
			ran["notifier"] = true
			const want = "mail link.created:invoice-1001 https://checkout.conomyhq.com/invoice-1001"
			if got := firstLine(t, program, server.ClientURL(), true); got != want {
				t.Errorf("the notifier prints %q, want %q", got, want)
			}
		default:
			t.Errorf("no test runs this program:\n%s", source)
		}
	}
	if len(ran) != 2 {
		t.Errorf("ran %v, want the producer and the notifier", ran)
	}
}

func buildProgram(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	file, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff, err := exec.Command("gofmt", "-s", "-l", file).CombinedOutput(); err != nil || len(diff) > 0 {
		t.Errorf("gofmt -s: %v %s\n%s", err, diff, source)
	}
	// In this directory, so that imports are resolved as this module does it.
	for _, args := range [][]string{{"vet", file}, {"build", "-o", program, file}} {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s\n%s", args[0], err, out, source)
		}
	}
	return program
}

// firstLine runs a program until it has printed a line, interrupts it where it would go on, and holds it to end without
// an error.
func firstLine(t *testing.T, program, natsURL string, goesOn bool) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{"NATS_URL=" + natsURL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Errorf("no output: %v", lines.Err())
	}
	if goesOn {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	return lines.Text()
}

var duration = regexp.MustCompile(`in [0-9.]+m?s:`)

// The transcript is what the demo prints. Links come in any order, and a line with … stands for others.
func TestReadmeTranscript(t *testing.T) {
	var printed buffer
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if code := run(ctx, []string{"demo"}, nil, strings.NewReader(""), &printed, &printed); code != exitDone {
		t.Fatalf("the demo ends with %d\n%s", code, &printed)
	}
	demo := strings.Split(duration.ReplaceAllString(printed.String(), "in TIME:"), "\n")
	for _, block := range blocks(t, "") {
		if !strings.HasPrefix(block, demo[0]) {
			continue
		}
		shown := strings.Split(strings.TrimSpace(duration.ReplaceAllString(block, "in TIME:")), "\n")
		for _, line := range shown {
			if line != "…" && !slices.Contains(demo, line) {
				t.Errorf("the demo does not print %q", line)
			}
		}
		if left := len(demo) - 1 - (len(shown) - 1); !strings.Contains(readme(t), fmt.Sprintf("stands for %d more lines", left)) {
			t.Errorf("the … stands for %d more lines", left)
		}
		return
	}
	t.Errorf("the README has no transcript that begins with %q", demo[0])
}
