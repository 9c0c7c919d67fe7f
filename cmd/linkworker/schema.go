package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/events"
)

func newSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Print the JSON Schema of an event, or the names of all",
		Long: `Print the JSON Schema (draft 2020-12) of an event's data. Without a name, print
the names, one a line.`,
		Example: `  linkworker schema
  linkworker schema invoice.issued > invoice.schema.json`,
		Args:      positional(cobra.MaximumNArgs(1)),
		ValidArgs: events.SchemaNames(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprintln(a.stdout, strings.Join(events.SchemaNames(), "\n"))
				return err
			}
			if !slices.Contains(events.SchemaNames(), args[0]) {
				return usagef("there is no schema %q; there are %s", args[0], strings.Join(events.SchemaNames(), ", "))
			}
			schema, err := events.Schema(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, strings.TrimRight(string(schema), "\n"))
			return err
		},
	}
}
