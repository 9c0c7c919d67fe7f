package config

import "strings"

// Group is a set of settings that are used together. A command names the
// groups that it uses to [AddFlags] and [Load].
type Group string

// The groups, in the order of [Settings].
const (
	GroupNATS     Group = "NATS"           // the connection to the NATS server
	GroupStreams  Group = "Streams"        // streams and consumers that are made
	GroupRedis    Group = "Redis"          // the connection to Redis
	GroupConomy   Group = "Conomy"         // calls to the vendor
	GroupWork     Group = "Work"           // retries, waits, memory, shutdown
	GroupMerchant Group = "Merchant"       // defaults for invoices
	GroupAdmin    Group = "Administration" // health and metrics
	GroupLog      Group = "Logging"        // the log on standard error
)

// Setting describes one setting: an environment variable, perhaps with a flag
// and a file form.
type Setting struct {
	// Name is the environment variable.
	Name string
	// Flag is the flag's name without dashes; "" for a secret.
	Flag string
	// Default is the value when nothing is given; "" for none.
	Default string
	// Usage says in a few words what the setting does.
	Usage string
	// Secret values are never printed and have no flag.
	Secret bool
	// URL values may come from a file; passwords in them are never printed.
	URL bool
	// Required settings have no default and must be given.
	Required bool
	// Group is the group that the setting belongs to.
	Group Group

	login bool   // of a URL: it may hold a user and a password
	shy   bool   // a faulty value may be a secret in the wrong place
	kind  string // of the flag's value, for help texts
	parse parser
}

// parser puts the value raw into c, or says what is wrong with it and how to
// mend it. It never quotes a secret or a URL.
type parser func(c *Config, raw string) error

// File returns the variable that may name a file with the value, or "" where
// there is none.
func (s Setting) File() string {
	if s.Secret || s.URL {
		return s.Name + "_FILE"
	}
	return ""
}

// emptyMeansNone tells that an empty value is a value: nothing.
func (s Setting) emptyMeansNone() bool { return s.Name == "ADMIN_ADDR" }

// Settings returns the table of all settings, group by group.
func Settings() []Setting {
	all := table()
	for i := range all {
		if !all[i].Secret {
			all[i].Flag = strings.ReplaceAll(strings.ToLower(all[i].Name), "_", "-")
		}
	}
	return all
}

func inGroups(g Group, groups []Group) bool {
	for _, want := range groups {
		if g == want {
			return true
		}
	}
	return len(groups) == 0
}
