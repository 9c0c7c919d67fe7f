package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// printed is v in every way that a program may print it.
func printed(v any) string {
	var out strings.Builder
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
		fmt.Fprintf(&out, format+"\n", v)
	}
	fmt.Fprintln(&out, v)
	data, err := json.Marshal(v)
	fmt.Fprintln(&out, string(data), err)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	out.Write(log.Bytes())
	return out.String()
}

// hidden holds values as code may hold them by accident: in fields that fmt
// cannot call methods on.
type hidden struct {
	secret Secret
	url    URL
	nats   NATS
	redis  Redis
	conomy Conomy
	cfg    Config
	creds  Credentials
	ptr    *Config
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Long and odd enough never to be part of anything else that is printed.
		secret := func(label string) string {
			return "Zq" + rapid.StringMatching(`[0-9A-Za-z!$&*+.^_~-]{8,24}`).Draw(t, label) + "qZ"
		}
		secrets := map[string]string{}
		for _, name := range []string{"CONOMY_API_KEY", "CONOMY_CLIENT_ID", "CONOMY_CLIENT_SECRET", "CONOMY_ACCESS_TOKEN", "NATS_PASSWORD"} {
			secrets[name] = secret(name)
		}
		natsPassword, redisPassword, masterPassword := secret("nats"), secret("redis"), secret("master")
		mess := rapid.SampledFrom([]string{"", "/", "?", "#", "@", " ", ":", "%", "%zz", ",", "[", "\x01", "redis://"}).Draw(t, "mess")
		natsForm := rapid.SampledFrom([]string{"nats://u:%s@h:4222,nats://h2", "nats://%s@h", "ws://u:%s@h/path", "%s", "u:%s@h"}).Draw(t, "nats form")
		redisForm := rapid.SampledFrom([]string{
			"redis://u:%s@h:6379/0", "redis://:%s@h1:1,h2:2", "redis://%s@h", "%s", "redis://h/%s", "redis://h?%s=1", "redis://h?password=%s",
			"rediss://:%s@h1,rediss://h2/0",
		}).Draw(t, "redis form")
		e := environment{}
		for name, value := range secrets {
			e[name] = value + mess
		}
		if rapid.Bool().Draw(t, "the API key in the wrong place") {
			e["CONOMY_KEY"] = secrets["CONOMY_API_KEY"]
		}
		e["NATS_URL"] = fmt.Sprintf(natsForm, natsPassword+mess)
		e["NATS_USER"] = "someone"
		e["REDIS_URL"] = fmt.Sprintf(redisForm, redisPassword+mess)
		if rapid.Bool().Draw(t, "sentinel") {
			e["REDIS_URL"] = "redis://:" + redisPassword + "@s1,s2?master_name=m&password=" + url.QueryEscape(masterPassword)
		}
		e["CONOMY_BASE_URL"] = rapid.SampledFrom([]string{"https://h", "https://u:" + natsPassword + mess + "@h", natsPassword}).Draw(t, "base")
		cfg, err := Load(nil, e.lookup)
		out := printed(cfg) + printed(*cfg) + printed(cfg.NATS) + printed(cfg.Redis) + printed(cfg.Conomy) + printed(cfg.Conomy.Credentials) +
			printed(cfg.Conomy.APIKey) + printed(&cfg.Conomy.APIKey) + printed(cfg.Redis.URL) + printed([]Secret{cfg.Conomy.ClientSecret}) +
			printed(map[string]any{"a": cfg.NATS.URL, "b": cfg.NATS.Password}) + printed(cfg.Effective()) + printed(cfg.Warnings()) +
			printed(hidden{cfg.Conomy.APIKey, cfg.Redis.URL, cfg.NATS, cfg.Redis, cfg.Conomy, *cfg, cfg.Conomy.Credentials, cfg})
		if err != nil {
			out += printed(err) + printed(errors.Unwrap(err))
		}
		_, err = cfg.RedisOptions()
		out += printed(err)
		for _, s := range append([]string{natsPassword, redisPassword, masterPassword},
			secrets["CONOMY_API_KEY"], secrets["CONOMY_CLIENT_ID"], secrets["CONOMY_CLIENT_SECRET"], secrets["CONOMY_ACCESS_TOKEN"], secrets["NATS_PASSWORD"]) {
			for _, form := range []string{s, fmt.Sprintf("%x", s), fmt.Sprintf("%X", s), url.QueryEscape(s)} {
				if i := strings.Index(out, form); i >= 0 {
					t.Fatalf("%q is in …%s…", s, out[max(0, i-80):min(len(out), i+80)])
				}
			}
		}
	})
}

// The check above would be worth nothing if it could not find a leak.
func TestPrintedFindsALeak(t *testing.T) {
	if !strings.Contains(printed(struct{ s string }{"leak"}), "leak") {
		t.Error("printed does not print")
	}
}

func TestSecretPrintsAsMask(t *testing.T) {
	s := NewSecret("x")
	for format, want := range map[string]string{"%v": "***", "%s": "***", "%q": `"***"`, "%#v": `config.Secret("***")`, "%x": "***"} {
		if got := fmt.Sprintf(format, s); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
		if got := fmt.Sprintf("%v", Secret{}); got != "" {
			t.Errorf("an empty secret prints as %q", got)
		}
	}
}

func TestURLPrints(t *testing.T) {
	for raw, want := range map[string]string{
		"":                               "",
		"nats://h:4222":                  "nats://h:4222",
		"nats://u:p@h,nats://u:p,q@h2":   "nats://u:***@h,nats://u:***@h2",
		"nats://token@h":                 "nats://***@h",
		"redis://:p@h1:1,h2:2/0":         "redis://:***@h1:1,h2:2/0",
		"redis://h:1?master_name=m&db=1": "redis://h:1?master_name=m&db=1",
		"redis://h?master_name=m&password=p&username=u": "redis://h?master_name=m&password=***&username=***",
		"redis://:p?q@h": "redis://***",
		"p@h":            "***",
	} {
		if got := NewURL(raw).String(); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}
