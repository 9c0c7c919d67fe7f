package config_test

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/linkworker/linkworker/config"
)

func ExampleLoad() {
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	config.AddFlags(flags)
	if err := flags.Parse([]string{"--conomy-timeout", "5s"}); err != nil {
		fmt.Println(err)
		return
	}
	environment := map[string]string{
		"CONOMY_API_KEY":       "key-1",
		"CONOMY_CLIENT_ID":     "client-1",
		"CONOMY_CLIENT_SECRET": "secret-1",
		"CONOMY_TIMEOUT":       "30s", // the flag wins
	}
	cfg, err := config.Load(flags, func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cfg.Conomy.Timeout, cfg.Conomy.ClientSecret)
	// Output: 5s ***
}

func ExampleFaultsError() {
	none := func(string) (string, bool) { return "", false }
	_, err := config.Load(nil, none, config.GroupConomy)
	fmt.Println(err)
	// Output:
	// the configuration has 2 faults:
	//   CONOMY_API_KEY: required; set it or CONOMY_API_KEY_FILE to the path of a file that holds it
	//   CONOMY_CLIENT_ID: required together with CONOMY_CLIENT_SECRET, unless CONOMY_ACCESS_TOKEN is set; set both or their _FILE forms to the paths of files that hold them
}

func ExampleMisspelt() {
	for _, warning := range config.Misspelt([]string{"CONOMY_API_KY=key-1"}) {
		fmt.Println(warning)
	}
	// Output: CONOMY_API_KY: not a setting; did you mean CONOMY_API_KEY?
}

func ExampleSecret() {
	secret := config.NewSecret("hunter2")
	fmt.Printf("%v %+v %q\n", secret, secret, secret)
	// Output: *** *** "***"
}

func ExampleURL() {
	fmt.Println(config.NewURL("redis://worker:hunter2@cache:6379/0"))
	// Output: redis://worker:***@cache:6379/0
}
