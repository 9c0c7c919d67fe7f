package config

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite the configuration table of the README")

// The README's table is what Markdown renders.
func TestReadmeTable(t *testing.T) {
	const path, begin, end = "../README.md", "<!-- config:begin -->\n", "<!-- config:end -->"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	table, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s has no lines %s and %s to put the configuration table between", path, strings.TrimSpace(begin), end)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+Markdown()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != Markdown() {
		t.Errorf("the configuration table of %s is not up to date; run go test ./config -run TestReadmeTable -update", path)
	}
}

func TestSettingsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Settings() {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
		if (s.Flag == "") != s.Secret || s.Usage == "" || s.Group == "" || s.parse == nil || !s.Secret && s.kind == "" {
			t.Errorf("%+v", s.Name)
		}
	}
}

func TestAddFlags(t *testing.T) {
	fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
	AddFlags(fs, GroupNATS)
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if want := []string{"nats-ca", "nats-cert", "nats-creds", "nats-inbox-prefix", "nats-key", "nats-url", "nats-user"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	AddFlags(pflag.NewFlagSet("all", pflag.ContinueOnError)) // panics where a name comes twice
	if usage := fs.FlagUsages(); !strings.Contains(usage, "(env NATS_URL or NATS_URL_FILE) (default nats://127.0.0.1:4222)") {
		t.Errorf("usage:\n%s", usage)
	}
	for _, s := range Settings() {
		if s.Secret != strings.Contains(EnvUsage(), "  "+s.Name+", ") {
			t.Errorf("%s: wrong in\n%s", s.Name, EnvUsage())
		}
	}
}

func TestMisspelt(t *testing.T) {
	got := Misspelt([]string{
		"PATH=/bin", "CONOMY_API_KY=s3cret", "NATS_ULR=x", "CONOMY_API_KEY_FLIE=x", "NATS_CREDS_FILE=x", "CONOMY_COLOUR=red", "conomy_api_key=x",
		"LINKS_DUPLICATES_WINDOWS=1h",
		// Settings, other programs' variables, service links and what is empty.
		"CONOMY_API_KEY=x", "REDIS_URL_FILE=x", "NATS_CONTEXT=x", "NATS_PORT=tcp://1", "REDIS_SERVICE_HOST=x", "REDIS_PORT_6379_TCP=x",
		"CONOMY_PORT=tcp://1", "LOG_LEVE=", "REDIS_HOST=x", "NATS_PEM=x", "ACK=1", "HOME",
	})
	want := []string{
		"CONOMY_API_KEY_FLIE: not a setting; did you mean CONOMY_API_KEY_FILE?",
		"CONOMY_API_KY: not a setting; did you mean CONOMY_API_KEY?",
		"CONOMY_COLOUR: not a setting; it has no effect",
		"LINKS_DUPLICATES_WINDOWS: not a setting; did you mean LINKS_DUPLICATE_WINDOW?",
		"NATS_CREDS_FILE: not a setting: NATS_CREDS has no _FILE form; set NATS_CREDS",
		"NATS_ULR: not a setting; did you mean NATS_URL?",
		"conomy_api_key: not a setting; did you mean CONOMY_API_KEY?",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReloadCredentials(t *testing.T) {
	path := writeFile(t, "first\n")
	cfg := mustLoad(t, environment{"CONOMY_API_KEY": "key", "CONOMY_CLIENT_ID": "id", "CONOMY_CLIENT_SECRET_FILE": path})
	same, err := cfg.ReloadCredentials()
	if err != nil || !same.Equal(cfg.Conomy.Credentials) {
		t.Errorf("got %+v, error %v", same, err)
	}
	if err := os.WriteFile(path, []byte("second\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh, err := cfg.ReloadCredentials()
	if err != nil || fresh.ClientSecret.Reveal() != "second" || fresh.APIKey.Reveal() != "key" || fresh.ClientID.Reveal() != "id" {
		t.Errorf("got %q, error %v", fresh.ClientSecret.Reveal(), err)
	}
	if fresh.Equal(cfg.Conomy.Credentials) || cfg.Conomy.ClientSecret.Reveal() != "first" {
		t.Error("the configuration itself changed, or the change is not seen")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.ReloadCredentials(); err == nil || !strings.Contains(err.Error(), "CONOMY_CLIENT_SECRET_FILE: file \""+path) {
		t.Errorf("error %v", err)
	}
}
