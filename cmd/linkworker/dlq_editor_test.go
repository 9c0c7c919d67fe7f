//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/testenv"
)

// TestEditEndsItsEditor ends a command that waits for an editor: the editor hears of it and ends by itself, and what it
// has written is not taken for a correction.
func TestEditEndsItsEditor(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		c.refuse()
		c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-1", "10"))
		id := c.only()
		dir := t.TempDir()
		editor, began, ended := filepath.Join(dir, "my editor"), filepath.Join(dir, "began"), filepath.Join(dir, "ended")
		script := `#!/bin/sh
trap 'sed -i s/10/12/ "$2"; echo "$2" >"` + ended + `"; exit 0' TERM
echo "$2" >"` + began + `"
while :; do sleep 0.1; done
`
		if err := os.WriteFile(editor, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		p := c.begin(append(slices.Clone(c.environ), "TMPDIR="+dir, `EDITOR="`+editor+`" --wait`), "edit", id)
		there := func(path string) bool {
			_, err := os.Stat(path)
			return err == nil
		}
		c.eventually("the editor is open", func() bool { return there(began) })
		c.signal(p, syscall.SIGTERM)
		if err := p.Wait(); err == nil || !strings.Contains(p.log.String(), "interrupted; nothing was changed") {
			t.Errorf("%v: %s", err, p.log)
		}
		if !there(ended) {
			t.Error("the editor was not told")
		}
		file, err := os.ReadFile(began)
		if err != nil || there(strings.TrimSpace(string(file))) {
			t.Errorf("the payer's data are left in %s, error %v", file, err)
		}
		if c.only() != id || c.sent() != 1 {
			t.Errorf("%d events in BILLING", c.sent())
		}
	})
}
