package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
)

func newConfigCommand(a *app) *cobra.Command {
	var check bool
	var output string
	cmd := &cobra.Command{
		Use:   "config [--check] [flags]",
		Short: "Print the configuration in effect, or check it",
		Long: `Print every setting with its value and where the value comes from: default,
environment, file or flag. Secrets, and passwords in URLs, print as ***. Faults
and warnings go to standard error.

With --check, print nothing but the faults, all of them, and exit with 1 when
there are any. Files that settings name are read; nothing is connected to.`,
		Example: `  linkworker config
  linkworker config --check && linkworker run
  linkworker config -o json | jq -r '.[] | select(.source != "default") | .name'`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usagef("unknown output %q; there are table and json", output)
			}
			cfg, err := a.load(cmd)
			a.warn(cfg)
			var faults *config.FaultsError
			if err != nil && !errors.As(err, &faults) {
				return err
			}
			if faults != nil {
				a.sayf("linkworker config: %v", faults)
			}
			switch {
			case check && faults != nil:
				return errSilent
			case check:
				a.sayf("the configuration has no fault")
				return nil
			}
			return a.printConfig(cfg, output)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only check; exit with 1 when there is a fault")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	uses(cmd)
	return cmd
}

func (a *app) printConfig(cfg *config.Config, output string) error {
	if output == "json" {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(cfg.Effective())
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tVALUE\tSOURCE")
	for _, v := range cfg.Effective() {
		value := v.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", v.Name, value, v.Source)
	}
	return w.Flush()
}
