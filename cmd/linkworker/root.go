package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	// exitInterrupted is what a shell says of a program that Ctrl-C has ended.
	exitInterrupted = 130
)

// app is what a command has of the world outside, so that a test can give it
// another one.
type app struct {
	environ []string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
}

// commands is the list of commands, in the order of the help text. Each makes
// its cobra command; one file a command.
var commands = []func(*app) *cobra.Command{
	newDemoCommand,
	newRunCommand,
	newProvisionCommand,
	newConfigCommand,
	newHealthcheckCommand,
	newEmitCommand,
	newTailCommand,
	newDLQCommand,
	newExplainCommand,
	newBenchCommand,
	newTortureCommand,
	newSandboxCommand,
	newSchemaCommand,
	newVersionCommand,
	newPartCommand,
}

func init() { cobra.EnableCommandSorting = false }

// run is the program: arguments without the program's name in, exit code out.
// It ends when ctx does.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr}
	cmd, err := a.root(args).ExecuteContextC(ctx)
	return a.report(cmd, err)
}

func (a *app) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "linkworker COMMAND",
		Short: "Turn invoices into payment links",
		Long: `linkworker makes payment links and checkout sessions at Conomy for the events
of billing systems (NATS JetStream subjects invoice.issued and
session.requested) and tells notifiers of each (link.created, link.failed).

Settings are environment variables; most have a flag too, which wins. Secrets
and URLs may stand in files: NAME_FILE names the file. linkworker config shows
the settings in effect.

Exit codes: 0 done, 1 failed, 2 wrong usage.`,
		Args: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		// Errors are reported by report, in one way for all.
		SilenceErrors: true, SilenceUsage: true,
		SuggestionsMinimumDistance: 2,
	}
	root.Version = programVersion()
	root.SetVersionTemplate("linkworker {{.Version}}\n")
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetHelpFunc(printHelp)
	root.SetUsageFunc(printUsage)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	for _, newCommand := range commands {
		root.AddCommand(newCommand(a))
	}
	root.DisableFlagsInUseLine = true
	for _, cmd := range root.Commands() {
		cmd.DisableFlagsInUseLine = true // Use says it where there are any
	}
	return root
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usageError{errors.New(text)}
}

// usageError is a wrong command line: exit code 2 and a hint.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// positional turns cobra's check of arguments into one that reports wrong
// usage.
func positional(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// errSilent is a failure that the command has told of already.
var errSilent = errors.New("failed")

// errInterrupted is a command that was ended before it had come to anything.
var errInterrupted = errors.New("interrupted")

// report tells of err on standard error and returns the exit code.
func (a *app) report(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errSilent) {
		return exitFailed
	}
	a.sayf("%s: %v", cmd.CommandPath(), err)
	if errors.Is(err, errInterrupted) {
		return exitInterrupted
	}
	var usage usageError
	var faults *config.FaultsError
	switch {
	case errors.As(err, &usage):
		a.sayf("usage: %s\nTry '%s --help'.", cmd.UseLine(), cmd.CommandPath())
		return exitUsage
	case errors.As(err, &faults) && faults.FromFlags():
		a.sayf("Try '%s --help'.", cmd.CommandPath())
		return exitUsage
	}
	return exitFailed
}

// sayf writes a line, or several, to standard error: everything that is not data.
// What others wrote may be in it, and moves no terminal.
func (a *app) sayf(format string, args ...any) {
	lines := strings.Split(fmt.Sprintf(format, args...), "\n")
	width := widthOf(a.stderr)
	for i := range lines {
		if lines[i] = visible(lines[i]); width > 0 && !strings.HasPrefix(lines[i], " ") {
			lines[i] = strings.Join(fold(lines[i], width), "\n")
		}
	}
	a.say(strings.Join(lines, "\n"))
}

// say writes a line as it is.
func (a *app) say(line string) {
	// Where this cannot be written, there is nobody to tell.
	_, _ = io.WriteString(a.stderr, line+"\n")
}

// lookup looks a variable up in the environment; the last one of a name wins,
// as with [os.LookupEnv].
func (a *app) lookup(name string) (string, bool) {
	for i := len(a.environ) - 1; i >= 0; i-- {
		if key, value, found := strings.Cut(a.environ[i], "="); found && key == name {
			return value, true
		}
	}
	return "", false
}
