package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
)

const (
	usageColumns = 100
	switchNoise  = "[=true|false]"
)

// printHelp writes a command's help. On a narrow terminal its sentences get the width
// of that.
func printHelp(cmd *cobra.Command, _ []string) {
	about := strings.TrimSpace(cmd.Long)
	if about == "" {
		about = cmd.Short
	}
	paragraphs := strings.Split(about, "\n\n")
	for i, paragraph := range paragraphs {
		if width := widthOf(cmd.OutOrStdout()); width > 0 && !strings.Contains("\n"+paragraph, "\n ") {
			paragraphs[i] = strings.Join(fold(strings.ReplaceAll(paragraph, "\n", " "), min(width, proseWidth)), "\n")
		}
	}
	_, err := io.WriteString(cmd.OutOrStdout(), strings.Join(paragraphs, "\n\n")+"\n\n")
	if err == nil {
		_ = printUsage(cmd) // who asks for help sees that there is none
	}
}

// printUsage writes what follows the description in a command's help: how to
// call it, examples, subcommands, flags and the secrets that it uses.
func printUsage(cmd *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-*s  %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if flags := cmd.LocalFlags(); flags.HasAvailableFlags() {
		flags.SortFlags = false
		// The library says of each switch that it takes a value; that is noise.
		// Blanks keep the columns.
		columns := usageColumns
		if width := widthOf(cmd.OutOrStdout()); width > 0 {
			columns = min(columns, width)
		}
		usages := strings.ReplaceAll(flags.FlagUsagesWrapped(columns), switchNoise, strings.Repeat(" ", len(switchNoise)))
		fmt.Fprintf(&b, "\nFlags:\n%s", usages)
	}
	if secrets := cmd.Annotations[secretsAnnotation]; secrets != "" {
		fmt.Fprintf(&b, "\nSecrets, from the environment or from the file that NAME_FILE names:\n%s", secrets)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// secretsAnnotation holds the help text about the secrets that a command uses.
const secretsAnnotation = "secrets"

// uses adds the settings of these groups to a command: flags, and in the help
// text the secrets.
func uses(cmd *cobra.Command, groups ...config.Group) {
	cmd.Flags().SortFlags = false
	config.AddFlags(cmd.Flags(), groups...)
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[secretsAnnotation] = config.EnvUsage(groups...)
}

// load reads the settings of these groups for cmd.
func (a *app) load(cmd *cobra.Command, groups ...config.Group) (*config.Config, error) {
	return config.Load(cmd.Flags(), a.lookup, groups...)
}

// warnings returns all that is odd about the configuration.
func (a *app) warnings(cfg *config.Config) []string {
	return append(cfg.Warnings(), config.Misspelt(a.environ)...)
}

// warn writes the warnings to standard error, for commands without a log.
func (a *app) warn(cfg *config.Config) {
	for _, warning := range a.warnings(cfg) {
		a.sayf("warning: %s", warning)
	}
}
