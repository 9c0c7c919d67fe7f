// Package config turns the environment, files and command line flags into one
// validated [Config].
//
// Every setting is an environment variable; [Settings] is the table of them
// and [Markdown] renders it for people. A setting that is not secret also has
// a flag of the same name in kebab case ([AddFlags]), and flags win. A secret
// or a URL may stand in a file instead, which NAME_FILE names: so a secret
// mounted by an orchestrator never has to be in the environment.
//
// [Load] reads what a command needs and nothing else, and reports every fault
// at once in a [FaultsError], each naming the variable, what is wrong with it
// and how to mend it:
//
//	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
//	config.AddFlags(fs)
//	… fs.Parse(args) …
//	cfg, err := config.Load(fs, os.LookupEnv)
//	if err != nil {
//		return err // prints all faults
//	}
//	nc, err := nats.Connect(cfg.NATS.URL.Reveal(), options...)
//
// Rules that hold for every setting:
//
//   - A variable that is set but empty counts as not set (but ADMIN_ADDR, where
//     empty means none). An empty flag stands for the default.
//   - A variable and its _FILE form exclude each other. A flag beats both.
//   - A file's trailing line breaks are cut off.
//   - Durations have a unit (15s, 2m, 720h). Lists are comma-separated.
//
// Nothing here prints a secret: [Secret] and [URL] are masked by every way of
// formatting, a fault never quotes a secret or a URL, and
// [Config.Effective] shows masked values only. Reveal is the one way to the
// value.
package config
