package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/worker/torture"
)

// sabotages are what torture must catch: a worker with one of the things left out that the promise rests on.
var sabotages = []struct {
	name, file, from, to string
}{
	{
		"the claim is dropped", "worker/claim/take.go",
		"	k := s.keys(r)\n", "	r.Token += newOwner()\n	k := s.keys(r)\n",
	},
	{
		"acknowledged before published", "worker/process.go",
		"	if err := w.publish(ctx, d, c); err != nil {\n", "	_ = d.msg.Ack()\n	if err := w.publish(ctx, d, c); err != nil {\n",
	},
	{
		"acknowledged before the call", "worker/process.go",
		"	w.lap(d, lapClaim)\n", "	w.lap(d, lapClaim)\n	_ = d.msg.Ack()\n",
	},
	{
		"a 409 is taken for success", "worker/invoice.go",
		"	if faultOf(ctx, err) != faultExists {\n",
		"	if faultOf(ctx, err) == faultExists {\n		return &conomy.PaymentLink{CheckoutToken: request.CheckoutToken, URL: w.settings.CheckoutURL + \"/\" + escapeToken(request.CheckoutToken), Status: \"ACTIVE\"}, time.Now(), nil\n	}\n	if faultOf(ctx, err) != faultExists {\n",
	},
	{
		"no two link.created have the same id", "worker/publish.go",
		"	id := events.LinkCreatedID(ev.Token(), numbered(d.identity, generation))\n",
		"	id := events.LinkCreatedID(ev.Token(), numbered(d.identity, generation)) + time.Now().Format(\".000000\")\n",
	},
	{
		"a dead event is acknowledged before its letter", "worker/die.go",
		"	grave, err := w.bury(ctx, d, v)\n", "	_ = d.msg.Ack()\n	grave, err := w.bury(ctx, d, v)\n",
	},
}

// TestTortureCatchesSabotage builds each of them and puts it on trial, by the settings that users get. It takes minutes, so
// it is asked for: LINKWORKER_TORTURE_SABOTAGE=1, or a part of a sabotage's name.
func TestTortureCatchesSabotage(t *testing.T) {
	asked := os.Getenv("LINKWORKER_TORTURE_SABOTAGE")
	if asked == "" {
		t.Skip("takes minutes; LINKWORKER_TORTURE_SABOTAGE=1 runs it")
	}
	for _, s := range sabotages {
		if asked != "1" && !strings.Contains(s.name, asked) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			program := buildSabotaged(t, s.file, s.from, s.to)
			for _, seed := range []string{"1", "2"} {
				report := tryProgram(t, program, seed)
				for _, i := range report.Invariants {
					if i.Broken > 0 {
						t.Logf("seed %s, %v: BROKEN %d times: %s; such as: %s", seed, report.Took, i.Broken, i.Name, i.Examples[0].What)
					}
				}
				if !report.Broken() {
					t.Errorf("seed %s: not caught", seed)
				}
			}
		})
	}
}

// buildSabotaged builds the program with a part of a file replaced.
func buildSabotaged(t *testing.T, file, from, to string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(repository, file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), from) != 1 {
		t.Fatalf("%s has changed: this sabotage has to be written anew", file)
	}
	dir := t.TempDir()
	replaced, overlay, program := filepath.Join(dir, "replaced.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "linkworker")
	if err := os.WriteFile(replaced, []byte(strings.Replace(string(source), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: replaced}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func tryProgram(t *testing.T, program, seed string) *torture.Report {
	t.Helper()
	cmd := exec.Command(program, "torture", "--seed", seed, "-o", "json", "--logs", t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	report := new(torture.Report)
	var exit *exec.ExitError
	if jsonErr := json.Unmarshal(out, report); jsonErr != nil || err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v, %v: %s", err, jsonErr, &stderr)
	}
	if code := cmd.ProcessState.ExitCode(); (code == exitFailed) != report.Broken() {
		t.Errorf("exit code %d, broken: %t", code, report.Broken())
	}
	return report
}
