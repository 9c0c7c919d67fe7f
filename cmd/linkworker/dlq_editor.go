package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/term"

	"github.com/linkworker/linkworker/worker/deadletter"
)

// readSets splits path=value.
func readSets(raw []string) ([][2]string, error) {
	var sets [][2]string
	for _, set := range raw {
		path, value, found := strings.Cut(set, "=")
		if !found {
			return nil, usagef("--set %q is not path=value", set)
		}
		sets = append(sets, [2]string{path, value})
	}
	return sets, nil
}

// inEditor has the data corrected by hand, again where it breaks a rule and somebody
// is there to do it.
func (e *editing) inEditor(ctx context.Context, old *deadletter.Replay, before []byte) (*deadletter.Replay, []byte, error) {
	editor, _ := e.app.lookup("EDITOR")
	if editor == "" {
		if !isTerminal(e.app.stdin) {
			return nil, nil, usagef("say --set path=value, or set EDITOR: there is no terminal for an editor")
		}
		editor = "vi"
	}
	// It holds payers' data: nobody else may read it, and it does not stay.
	dir, err := os.MkdirTemp("", "linkworker-edit-")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, old.Letter.Subject+".json")
	text := before
	if pretty := jsontext.Value(bytes.Clone(before)); pretty.Indent(jsontext.WithIndent("  ")) == nil {
		text = append(pretty, '\n')
	}
	for {
		if err := os.WriteFile(file, text, 0o600); err != nil { // #nosec G703 -- a name of our own in a directory of our own
			return nil, nil, err
		}
		err := e.openEditor(ctx, editor, file)
		switch {
		case ctx.Err() != nil:
			return nil, nil, errors.New("interrupted; nothing was changed")
		case err != nil:
			return nil, nil, fmt.Errorf("the editor %s: %w; nothing was changed", editor, err)
		}
		if text, err = os.ReadFile(file); err != nil { // #nosec G304 -- the file that was written above
			return nil, nil, fmt.Errorf("the editor %s has left no file: %w; nothing was changed", editor, err)
		}
		after := jsontext.Value(bytes.Clone(bytes.TrimSpace(text))) // text comes again as it was left
		_ = after.Compact()                                         // what is no JSON is told of by the check
		corrected, err := e.check(old, after)
		if err == nil {
			return corrected, after, nil
		}
		if !errors.Is(err, errBreaksRules) || !isTerminal(e.app.stdin) {
			return nil, nil, err
		}
		e.app.sayf("%v", err)
		again, err := e.app.askYes(ctx, "Edit again?")
		if err == nil && !again {
			err = errSilent // what is wrong was told
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// editorTimeout is how long an editor may take to end when the command has to.
const editorTimeout = 10 * time.Second

// openEditor waits until the editor has ended, and leaves the terminal as it was: not
// every editor that a signal ends does.
func (e *editing) openEditor(ctx context.Context, editor, file string) error {
	defer keepTerminal(e.app.stdin)()
	cmd := exec.CommandContext(ctx, "sh", "-c", editorScript(editor), "sh", file) // #nosec G204 -- EDITOR is the user's own, and the file stands apart from the script
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = editorTimeout
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.app.stdin, e.app.stderr, e.app.stderr
	return cmd.Run()
}

// keepTerminal gives what puts the stream's terminal back into the mode it is in now.
func keepTerminal(stream any) (restore func()) {
	file, ok := stream.(*os.File)
	if !ok {
		return func() {}
	}
	state, err := term.GetState(int(file.Fd()))
	if err != nil {
		return func() {} // it is no terminal
	}
	return func() { _ = term.Restore(int(file.Fd()), state) } // there is nobody who could mend it
}

// editorScript has a shell take EDITOR apart, which may have arguments, as git does. A
// single command takes the shell's place, so that a signal is for the editor.
func editorScript(editor string) string {
	script := editor + ` "$@"`
	if !strings.ContainsAny(editor, ";&|(){}=:\n") {
		script = "exec " + script
	}
	return script
}

// jsonOrText is the data as it stands in a line of JSON.
func jsonOrText(data []byte) json.RawMessage {
	if jsontext.Value(data).IsValid() {
		return json.RawMessage(data)
	}
	text, err := json.Marshal(strings.ToValidUTF8(string(data), string(utf8.RuneError)))
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}

func jsonValue(data []byte) jsontext.Value { return jsontext.Value(jsonOrText(data)) }
