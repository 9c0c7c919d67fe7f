package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// environment is a test's environment.
type environment map[string]string

func (e environment) lookup(name string) (string, bool) {
	value, ok := e[name]
	return value, ok
}

// with returns a copy of the least environment that loads, with more in it.
func least(more environment) environment {
	e := environment{"CONOMY_API_KEY": "key-1", "CONOMY_CLIENT_ID": "client-1", "CONOMY_CLIENT_SECRET": "secret-1"}
	for name, value := range more {
		e[name] = value
	}
	return e
}

func mustLoad(t *testing.T, e environment, args ...string) *Config {
	t.Helper()
	cfg, err := load(t, e, args...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func load(t *testing.T, e environment, args ...string) (*Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(fs, e.lookup)
}

// faultsOf returns the names and texts of the faults in err.
func faultsOf(t *testing.T, err error) []Fault {
	t.Helper()
	var faults *FaultsError
	if !errors.As(err, &faults) {
		t.Fatalf("error %v (%T) is no *FaultsError", err, err)
	}
	return faults.Faults
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	cfg := mustLoad(t, least(nil))
	for name, values := range map[string][2]any{
		"NATS_URL":               {cfg.NATS.URL.Reveal(), "nats://127.0.0.1:4222"},
		"NATS_REPLICAS":          {cfg.NATS.Replicas, 1},
		"NATS_INBOX_PREFIX":      {cfg.NATS.InboxPrefix, "_INBOX"},
		"REDIS_URL":              {cfg.Redis.URL.Reveal(), "redis://127.0.0.1:6379/0"},
		"REDIS_PREFIX":           {cfg.Redis.Prefix, "linkworker"},
		"CONOMY_BASE_URL":        {cfg.Conomy.BaseURL, "https://api.conomyhq.com/sandbox"},
		"CONOMY_ALLOW_HTTP":      {cfg.Conomy.AllowHTTP, false},
		"CONOMY_CHECKOUT_URL":    {cfg.Conomy.CheckoutURL, "https://checkout.conomyhq.com"},
		"CONOMY_TIMEOUT":         {cfg.Conomy.Timeout, 15 * time.Second},
		"CONOMY_CONCURRENCY":     {cfg.Conomy.Concurrency, 64},
		"CONOMY_RATE_LIMIT":      {cfg.Conomy.RateLimit, 0.0},
		"RETRY":                  {cfg.Retry, Retry{time.Second, 32 * time.Second, 5}},
		"SESSION_WAIT":           {cfg.SessionWait, 2 * time.Minute},
		"DEDUP_TTL":              {cfg.DedupTTL, 720 * time.Hour},
		"ACK_WAIT":               {cfg.AckWait, 15 * time.Second},
		"CLAIM_TTL":              {cfg.ClaimTTL, 15 * time.Second},
		"LINKS_DUPLICATE_WINDOW": {cfg.LinksDuplicateWindow, 24 * time.Hour},
		"MERCHANT":               {cfg.Merchant, Merchant{Duration: 24 * time.Hour}},
		"ADMIN_ADDR":             {cfg.AdminAddr, "127.0.0.1:8080"},
		"LOG_LEVEL":              {cfg.LogLevel, slog.LevelInfo},
		"LOG_FORMAT":             {cfg.LogFormat, "auto"},
		"SHUTDOWN_TIMEOUT":       {cfg.ShutdownTimeout, 25 * time.Second},
		"warnings":               {len(cfg.Warnings()), 0},
	} {
		if !reflect.DeepEqual(values[0], values[1]) {
			t.Errorf("%s: got %v, want %v", name, values[0], values[1])
		}
	}
}

func TestEverySettingIsRead(t *testing.T) {
	e := environment{
		"NATS_URL": "tls://a:1,tls://b:2", "NATS_USER": "u", "NATS_PASSWORD": "p", "NATS_REPLICAS": "3", "NATS_INBOX_PREFIX": "in.u-1",
		"REDIS_URL": "rediss://r:1/2", "REDIS_PREFIX": "lw", "CONOMY_BASE_URL": "http://sandbox:8085/sandbox/",
		"CONOMY_ALLOW_HTTP": "true", "CONOMY_API_KEY": "k", "CONOMY_ACCESS_TOKEN": "tok",
		"CONOMY_CHECKOUT_URL": "https://pay.example/", "CONOMY_TIMEOUT": "3s", "CONOMY_CONCURRENCY": "7", "CONOMY_RATE_LIMIT": "2.5",
		"RETRY_INITIAL": "2s", "RETRY_MAX": "4s", "RETRY_ATTEMPTS": "9", "SESSION_WAIT": "1m", "DEDUP_TTL": "800h", "ACK_WAIT": "20s",
		"CLAIM_TTL": "10s", "LINKS_DUPLICATE_WINDOW": "2h", "MERCHANT_OWNER_IDENTITY_ID": "own", "MERCHANT_ACCOUNT_NUMBER": "acc",
		"MERCHANT_ACCOUNT_IDENTITY_ID": "ident", "MERCHANT_PAYMENT_METHODS": " CARD, PIX,", "MERCHANT_DURATION": "90s",
		"MERCHANT_CUSTOMER_REQUIREMENTS": "firstName,email", "MERCHANT_SUCCESS_URL": "https://shop.example/ok?t={checkoutToken}",
		"MERCHANT_FAILED_URL": "http://shop.example/no", "ADMIN_ADDR": ":9", "LOG_LEVEL": "WARN", "LOG_FORMAT": "json", "SHUTDOWN_TIMEOUT": "5s",
	}
	cfg := mustLoad(t, e)
	want := Config{
		NATS:  NATS{User: "u", InboxPrefix: "in.u-1", Replicas: 3},
		Redis: Redis{Prefix: "lw"},
		Conomy: Conomy{BaseURL: "http://sandbox:8085/sandbox", AllowHTTP: true, CheckoutURL: "https://pay.example",
			Timeout: 3 * time.Second, Concurrency: 7, RateLimit: 2.5},
		Retry: Retry{2 * time.Second, 4 * time.Second, 9},
		Merchant: Merchant{OwnerIdentityID: "own", AccountNumber: "acc", AccountIdentityID: "ident", PaymentMethods: []string{"CARD", "PIX"},
			CustomerRequirements: []string{"firstName", "email"}, Duration: 90 * time.Second,
			SuccessURL: "https://shop.example/ok?t={checkoutToken}", FailedURL: "http://shop.example/no"},
		SessionWait: time.Minute, DedupTTL: 800 * time.Hour, AckWait: 20 * time.Second, ClaimTTL: 10 * time.Second,
		LinksDuplicateWindow: 2 * time.Hour, AdminAddr: ":9", LogLevel: slog.LevelWarn, LogFormat: "json", ShutdownTimeout: 5 * time.Second,
	}
	got := *cfg
	for _, s := range []struct{ got, want string }{
		{got.NATS.URL.Reveal(), "tls://a:1,tls://b:2"}, {got.NATS.Password.Reveal(), "p"}, {got.Redis.URL.Reveal(), "rediss://r:1/2"},
		{got.Conomy.APIKey.Reveal(), "k"}, {got.Conomy.AccessToken.Reveal(), "tok"},
	} {
		if s.got != s.want {
			t.Errorf("got %q, want %q", s.got, s.want)
		}
	}
	got.NATS.URL, got.NATS.Password, got.Redis.URL, got.Conomy.Credentials = URL{}, Secret{}, URL{}, Credentials{}
	for _, part := range [][2]any{
		{got.NATS, want.NATS}, {got.Redis, want.Redis}, {got.Conomy, want.Conomy}, {got.Retry, want.Retry}, {got.Merchant, want.Merchant},
		{got.SessionWait, want.SessionWait}, {got.DedupTTL, want.DedupTTL}, {got.AckWait, want.AckWait}, {got.ClaimTTL, want.ClaimTTL},
		{got.LinksDuplicateWindow, want.LinksDuplicateWindow}, {got.AdminAddr, want.AdminAddr}, {got.LogLevel, want.LogLevel},
		{got.LogFormat, want.LogFormat}, {got.ShutdownTimeout, want.ShutdownTimeout},
	} {
		if !reflect.DeepEqual(part[0], part[1]) {
			t.Errorf("got %#v, want %#v", part[0], part[1])
		}
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	const secret = "hunter2"
	_, err := load(t, environment{
		"NATS_URL": "http://" + secret + "@h", "NATS_CREDS": "/nowhere/" + "creds", "NATS_INBOX_PREFIX": "in.>", "NATS_REPLICAS": "6", "REDIS_URL": secret, "REDIS_PREFIX": "{x}",
		"CONOMY_BASE_URL": "http://elsewhere.example", "CONOMY_CLIENT_ID": "only-id", "CONOMY_TIMEOUT": "15",
		"CONOMY_CONCURRENCY": "none", "CONOMY_RATE_LIMIT": "-1", "RETRY_INITIAL": "1h", "RETRY_ATTEMPTS": "0", "SESSION_WAIT": "-2m",
		"LINKS_DUPLICATE_WINDOW": "1s", "MERCHANT_DURATION": "29s", "MERCHANT_SUCCESS_URL": "shop", "ADMIN_ADDR": "8080", "LOG_LEVEL": "loud",
		"LOG_FORMAT": "xml", "SHUTDOWN_TIMEOUT": "0s",
	})
	faults := faultsOf(t, err)
	var names []string
	for _, f := range faults {
		names = append(names, f.Name)
	}
	want := "NATS_URL NATS_CREDS NATS_INBOX_PREFIX NATS_REPLICAS LINKS_DUPLICATE_WINDOW REDIS_URL REDIS_PREFIX CONOMY_BASE_URL CONOMY_API_KEY CONOMY_CLIENT_SECRET " +
		"CONOMY_TIMEOUT CONOMY_CONCURRENCY CONOMY_RATE_LIMIT RETRY_INITIAL RETRY_ATTEMPTS SESSION_WAIT SHUTDOWN_TIMEOUT MERCHANT_DURATION " +
		"MERCHANT_SUCCESS_URL ADMIN_ADDR LOG_LEVEL LOG_FORMAT"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("faults\n got %s\nwant %s", got, want)
	}
	text := err.Error()
	if strings.Contains(text, secret) {
		t.Errorf("a secret is in %s", text)
	}
	for _, line := range []string{
		"the configuration has 22 faults:",
		"CONOMY_API_KEY: required; set it or CONOMY_API_KEY_FILE to the path of a file that holds it",
		`CONOMY_TIMEOUT (--conomy-timeout): "15" has no unit; for seconds write 15s`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	for _, f := range faults {
		if !strings.ContainsAny(f.Text, ";") {
			t.Errorf("%s does not say how to mend it", f)
		}
	}
}

func TestFaults(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	empty, blank, noPEM := writeFile(t, ""), writeFile(t, " \n\n"), writeFile(t, "no certificate")
	lines := writeFile(t, "one\ntwo\n")
	pemCA, _ := certificate(t)
	for _, c := range []struct {
		name string
		env  environment
		args []string
		want string // NAME: part of the text
	}{
		{"both forms", environment{"CONOMY_API_KEY_FILE": lines}, nil, "CONOMY_API_KEY: both it and CONOMY_API_KEY_FILE"},
		{"both forms of a url", environment{"REDIS_URL": "redis://a", "REDIS_URL_FILE": lines}, nil, "REDIS_URL: both it and REDIS_URL_FILE"},
		{"missing file", environment{"REDIS_URL_FILE": missing}, nil, "REDIS_URL: REDIS_URL_FILE names file \"" + missing + "\": no such file"},
		{"empty file", environment{"NATS_URL_FILE": empty}, nil, "NATS_URL: NATS_URL_FILE names file \"" + empty + "\": empty"},
		{"blank file", environment{"CONOMY_CLIENT_ID": "", "CONOMY_CLIENT_ID_FILE": blank}, nil, "CONOMY_CLIENT_ID: CONOMY_CLIENT_ID_FILE names file \"" + blank + "\": empty"},
		{"directory", environment{"NATS_URL_FILE": t.TempDir()}, nil, "NATS_URL: NATS_URL_FILE names file"},
		{"two lines", environment{"CONOMY_CLIENT_SECRET": "", "CONOMY_CLIENT_SECRET_FILE": lines}, nil, "CONOMY_CLIENT_SECRET: (from CONOMY_CLIENT_SECRET_FILE, file"},
		{"bearer", environment{"CONOMY_ACCESS_TOKEN": "Bearer abc"}, nil, "CONOMY_ACCESS_TOKEN: has a space"},
		{"umlaut in a header", environment{"CONOMY_API_KEY": "schlüssel"}, nil, "CONOMY_API_KEY: has a space or another"},
		{"not UTF-8", environment{"CONOMY_CLIENT_SECRET": "\xff\xfe"}, nil, "CONOMY_CLIENT_SECRET: is not valid UTF-8"},
		{"no credentials", environment{"CONOMY_CLIENT_ID": "", "CONOMY_CLIENT_SECRET": ""}, nil, "CONOMY_CLIENT_ID: required together with CONOMY_CLIENT_SECRET"},
		{"secret alone", environment{"CONOMY_CLIENT_ID": ""}, nil, "CONOMY_CLIENT_ID: required with CONOMY_CLIENT_SECRET"},
		{"http", environment{"CONOMY_BASE_URL": "http://10.0.0.1/x"}, nil, "CONOMY_BASE_URL: plain http to another host"},
		{"http checkout", environment{"CONOMY_CHECKOUT_URL": "HTTP://pay.example"}, nil, "CONOMY_CHECKOUT_URL: plain http to another host"},
		{"ftp", environment{"CONOMY_BASE_URL": "ftp://h"}, nil, "CONOMY_BASE_URL: is not an absolute"},
		{"not ASCII", environment{"CONOMY_BASE_URL": "https://bücher.example/x"}, nil, "CONOMY_BASE_URL: has a host that is not ASCII"},
		{"no host", environment{"CONOMY_BASE_URL": "https:///x"}, nil, "CONOMY_BASE_URL: is not an absolute"},
		{"port only", environment{"CONOMY_BASE_URL": "https://:80/x"}, nil, "CONOMY_BASE_URL: is not an absolute"},
		{"bad port", environment{"CONOMY_BASE_URL": "https://h:99999"}, nil, "CONOMY_BASE_URL: has a port"},
		{"userinfo", environment{"CONOMY_BASE_URL": "https://u:pw@h"}, nil, "CONOMY_BASE_URL: has a user"},
		{"query", environment{"CONOMY_BASE_URL": "https://h/?a=b"}, nil, "CONOMY_BASE_URL: has a query"},
		{"fragment", environment{"CONOMY_BASE_URL": "https://h/#"}, nil, "CONOMY_BASE_URL: has a query or a fragment"},
		{"bool", environment{"CONOMY_ALLOW_HTTP": "perhaps"}, nil, "CONOMY_ALLOW_HTTP: \"perhaps\" is neither"},
		{"rate", environment{"CONOMY_RATE_LIMIT": "NaN"}, nil, "CONOMY_RATE_LIMIT: \"NaN\" is not a number"},
		{"infinite rate", environment{"CONOMY_RATE_LIMIT": "inf"}, nil, "CONOMY_RATE_LIMIT: \"inf\" is not a number"},
		{"concurrency", environment{"CONOMY_CONCURRENCY": "4097"}, nil, "CONOMY_CONCURRENCY: \"4097\" is not a whole number from 1 to 4096; set one, such as 64"},
		{"too long", environment{"DEDUP_TTL": "2000000h"}, nil, "DEDUP_TTL: \"2000000h\" is too long"},
		{"claim", environment{"CLAIM_TTL": "999ms"}, nil, "CLAIM_TTL: \"999ms\" is too short; set at least 1s"},
		{"ack wait", environment{"ACK_WAIT": "1ms"}, nil, "ACK_WAIT: \"1ms\" is too short"},
		{"window", environment{"ACK_WAIT": "13h"}, nil, "LINKS_DUPLICATE_WINDOW: 24h is under twice ACK_WAIT (13h)"},
		{"wide window", environment{"LINKS_DUPLICATE_WINDOW": "721h"}, nil, "LINKS_DUPLICATE_WINDOW: 721h is longer than LINKS keeps"},
		{"broken seconds", environment{"MERCHANT_DURATION": "30500ms"}, nil, "MERCHANT_DURATION: \"30500ms\" is not in whole seconds"},
		{"empty list", environment{"MERCHANT_PAYMENT_METHODS": " , "}, nil, "MERCHANT_PAYMENT_METHODS: \",\" has no value"},
		{"placeholder", environment{"MERCHANT_SUCCESS_URL": "https://h/{token}"}, nil, "MERCHANT_SUCCESS_URL: has braces"},
		{"placeholder host", environment{"MERCHANT_SUCCESS_URL": "https://{checkoutToken}/"}, nil, "MERCHANT_SUCCESS_URL: is not an absolute"},
		{"payer password", environment{"MERCHANT_FAILED_URL": "https://u:p@h/"}, nil, "MERCHANT_FAILED_URL: has a user"},
		{"javascript", environment{"MERCHANT_FAILED_URL": "javascript:alert(1)"}, nil, "MERCHANT_FAILED_URL: is not an absolute"},
		{"admin", environment{"ADMIN_ADDR": "host:http"}, nil, "ADMIN_ADDR: \"host:http\" is not host:port"},
		{"control", environment{"MERCHANT_ACCOUNT_NUMBER": "1\x002"}, nil, "MERCHANT_ACCOUNT_NUMBER: has a line break or another control"},
		{"nats scheme", environment{"NATS_URL": "localhost:4222"}, nil, "NATS_URL: is not a list of NATS"},
		{"nats mixed", environment{"NATS_URL": "nats://a,wss://b"}, nil, "NATS_URL: mixes"},
		{"nats path", environment{"NATS_URL": "nats://a/b"}, nil, "NATS_URL: has a path"},
		{"nats commas", environment{"NATS_URL": ",,"}, nil, "NATS_URL: has no address"},
		{"nats password alone", environment{"NATS_PASSWORD": "p"}, nil, "NATS_PASSWORD: there is no user"},
		{"two logins", environment{"NATS_URL": "nats://tok@h", "NATS_USER": "u", "NATS_PASSWORD": "p"}, nil, "NATS_URL: more than one way to log in: a user in NATS_URL, NATS_USER"},
		{"nkey", environment{"NATS_NKEY": "SUXXX"}, nil, "NATS_NKEY: is not the seed"},
		{"creds", environment{"NATS_CREDS": noPEM}, nil, "NATS_CREDS: the file holds no user JWT"},
		{"ca", environment{"NATS_CA": noPEM}, nil, "NATS_CA: the file holds no PEM certificate"},
		{"cert alone", environment{"NATS_CERT": noPEM}, nil, "NATS_CERT: has no key; set NATS_KEY"},
		{"key alone", environment{"NATS_KEY": noPEM}, nil, "NATS_KEY: has no certificate; set NATS_CERT"},
		{"cert and key", environment{"NATS_CERT": noPEM, "NATS_KEY": noPEM}, nil, "NATS_CERT: is no PEM certificate that fits"},
		{"redis ca", environment{"REDIS_URL": "rediss://h", "REDIS_CA": noPEM}, nil, "REDIS_CA: the file holds no PEM certificate"},
		{"redis cert alone", environment{"REDIS_URL": "rediss://h", "REDIS_CERT": noPEM}, nil, "REDIS_CERT: has no key; set REDIS_KEY"},
		{"redis without TLS", environment{"REDIS_CA": pemCA}, nil, "REDIS_CA: has no effect, since REDIS_URL is plain; set it to a rediss:// URL"},
		{"redis unverified", environment{"REDIS_URL": "rediss://h?skip_verify=true"}, nil, "REDIS_URL: has an option that leaves certificates unverified"},
		{"vendor's ca", environment{"CONOMY_CA": noPEM}, nil, "CONOMY_CA: the file holds no PEM certificate"},
		{"vendor's key alone", environment{"CONOMY_KEY": noPEM}, nil, "CONOMY_KEY: has no certificate; set CONOMY_CERT"},
		{"vendor without TLS", environment{"CONOMY_BASE_URL": "http://127.0.0.1", "CONOMY_CA": pemCA}, nil, "CONOMY_CA: has no effect, since CONOMY_BASE_URL is plain"},
		{"a key for its path", environment{"CONOMY_KEY": "Zq7key"}, nil, "CONOMY_KEY: is not the path of a readable file; set the path of the PEM file with the key"},
		{"by flag", nil, []string{"--retry-max=soon"}, "RETRY_MAX: \"soon\" is not a duration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, least(c.env), c.args...)
			faults := faultsOf(t, err)
			if len(faults) != 1 {
				t.Fatalf("want one fault, got %v", err)
			}
			if got := faults[0].Name + ": " + faults[0].Text; !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s…", got, c.want)
			}
			if fromFlags := err.(*FaultsError).FromFlags(); fromFlags != (len(c.args) > 0) {
				t.Errorf("FromFlags is %v", fromFlags)
			}
		})
	}
}

func TestSources(t *testing.T) {
	keyFile := writeFile(t, "from-file\r\n\n")
	cfg := mustLoad(t, environment{
		"CONOMY_API_KEY": " ", "CONOMY_API_KEY_FILE": keyFile, "CONOMY_ACCESS_TOKEN": "tok", "CONOMY_TIMEOUT": "1s", "RETRY_MAX": "",
		"CONOMY_CONCURRENCY": " 8 ", "SESSION_WAIT": "9m", "ADMIN_ADDR": "", "REDIS_URL": "nonsense",
	}, "--conomy-timeout", "2s", "--session-wait=", "--conomy-allow-http", "--redis-url=redis://:pw@h")
	if got := cfg.Conomy.APIKey.Reveal(); got != "from-file" {
		t.Errorf("API key %q", got)
	}
	if cfg.Conomy.Timeout != 2*time.Second || cfg.Retry.Max != 32*time.Second || cfg.Conomy.Concurrency != 8 ||
		cfg.SessionWait != 2*time.Minute || cfg.AdminAddr != "" || !cfg.Conomy.AllowHTTP || cfg.Redis.URL.Reveal() != "redis://:pw@h" {
		t.Errorf("got %+v", cfg)
	}
	want := map[string]Value{
		"CONOMY_API_KEY":     {"CONOMY_API_KEY", "***", "file " + keyFile},
		"CONOMY_TIMEOUT":     {"CONOMY_TIMEOUT", "2s", "flag"},
		"RETRY_MAX":          {"RETRY_MAX", "32s", "default"},
		"CONOMY_CONCURRENCY": {"CONOMY_CONCURRENCY", "8", "environment"},
		"SESSION_WAIT":       {"SESSION_WAIT", "2m", "flag"},
		"ADMIN_ADDR":         {"ADMIN_ADDR", "", "environment"},
		"NATS_PASSWORD":      {"NATS_PASSWORD", "", "default"},
		"REDIS_URL":          {"REDIS_URL", "redis://:***@h", "flag"},
	}
	seen := 0
	for _, v := range cfg.Effective() {
		if w, ok := want[v.Name]; ok {
			seen++
			if v != w {
				t.Errorf("got %v, want %v", v, w)
			}
		}
	}
	if seen != len(want) || len(cfg.Effective()) != len(Settings()) {
		t.Errorf("saw %d of %d, %d values", seen, len(want), len(cfg.Effective()))
	}
}

// A command that needs NATS only is not bothered with the rest, and does not
// look at it.
func TestOnlyWhatIsNeeded(t *testing.T) {
	asked := map[string]bool{}
	cfg, err := Load(nil, func(name string) (string, bool) {
		asked[name] = true
		return "", false
	}, GroupNATS, GroupLog)
	if err != nil {
		t.Fatal(err)
	}
	for name := range asked {
		if !strings.HasPrefix(name, "NATS_") && !strings.HasPrefix(name, "LOG_") {
			t.Errorf("looked at %s", name)
		}
	}
	if asked["NATS_REPLICAS"] || !asked["NATS_NKEY_FILE"] || cfg.Conomy.Concurrency != 64 {
		t.Errorf("asked %v, got %v", asked, cfg)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		env  environment
		want string
	}{
		{environment{"CONOMY_ACCESS_TOKEN": "tok"}, "CONOMY_ACCESS_TOKEN: is used, CONOMY_CLIENT_ID"},
		{environment{"CONOMY_BASE_URL": "http://sandbox:8085", "CONOMY_ALLOW_HTTP": "1"}, "CONOMY_BASE_URL: plain http to another host, allowed by"},
		{environment{"NATS_REPLICAS": "2"}, "NATS_REPLICAS: 2 copies"},
		{environment{"DEDUP_TTL": "1h"}, "DEDUP_TTL: 1h is shorter than"},
		{environment{"NATS_USER": "u"}, "NATS_USER: has no NATS_PASSWORD"},
	} {
		got := mustLoad(t, least(c.env)).Warnings()
		if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%v: got %q, want one %s…", c.env, got, c.want)
		}
	}
}

func TestLoopbackNeedsNoLeave(t *testing.T) {
	for _, host := range []string{"localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8085", "LOCALHOST", "api.localhost"} {
		if got := mustLoad(t, least(environment{"CONOMY_BASE_URL": "http://" + host})).Warnings(); len(got) > 0 {
			t.Errorf("%s: %q", host, got)
		}
	}
	for _, host := range []string{"localhost.example", "127.0.0.1.example", "0.0.0.0", "[::2]"} {
		if _, err := load(t, least(environment{"CONOMY_BASE_URL": "http://" + host})); err == nil {
			t.Errorf("%s passes", host)
		}
	}
}
