package deadletter

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the runbook anew")

const runbookPath = "../../deploy/runbook.md"

// TestRunbook holds the runbook to the advice in this package.
func TestRunbook(t *testing.T) {
	if *update {
		if err := os.WriteFile(runbookPath, []byte(Runbook()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := os.ReadFile(runbookPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(found) != Runbook() {
		t.Errorf("%s is not up to date; run go test ./worker/deadletter -run TestRunbook -update", runbookPath)
	}
	for _, reason := range Reasons() {
		if !strings.Contains(string(found), "### "+string(reason)+"\n") {
			t.Errorf("nothing about %s", reason)
		}
	}
}
