package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func FuzzRedis(f *testing.F) {
	f.Add("redis://u:p@h1:1,h2:2/0?db=0")
	f.Add("rediss://s1,s2?master_name=m")
	f.Add("rediss://h?skip_verify=true")
	f.Fuzz(func(t *testing.T, raw string) {
		o, err := parseRedis(raw)
		if err != nil {
			return
		}
		if len(o.Addrs) == 0 || slices.Contains(o.Addrs, "") {
			t.Errorf("%q: addresses %q", raw, o.Addrs)
		}
		if secured := strings.HasPrefix(raw, "rediss://"); (o.TLSConfig != nil) != secured || secured && o.TLSConfig.InsecureSkipVerify {
			t.Errorf("%q: TLS %+v", raw, o.TLSConfig)
		}
	})
}

// Whatever a setting is set to, a fault names it and shows neither a secret nor what moves a terminal; what passes is
// printed on one line.
func FuzzSetting(f *testing.F) {
	settings := Settings()
	for i := range settings {
		f.Add(uint8(i), "")
		f.Add(uint8(i), "Zq7value\x1b[2J")
		f.Add(uint8(i), settings[i].Default)
	}
	for _, value := range []string{"1", "-1", "99999999999999999999", "NaN", "true", "1h1x", "https://u:Zq7pw@h/{checkoutToken}?#", "a,,b", "/etc/passwd", "\xff", "::1"} {
		f.Add(uint8(len(value)), value)
	}
	defaults, err := Load(nil, least(environment{}).lookup)
	if err != nil {
		f.Fatal(err)
	}
	public := printed(defaults.Effective()) // a secret that happens to be a part of it is not shown by that
	f.Fuzz(func(t *testing.T, number uint8, value string) {
		s := settings[int(number)%len(settings)]
		if s.kind == "file" {
			value = "/nowhere/" + value // no file of this machine's is to be read
		}
		env := least(environment{s.Name: value})
		cfg, err := Load(nil, env.lookup)
		var faults *FaultsError
		if err != nil && !errors.As(err, &faults) {
			t.Fatalf("%T: %v", err, err)
		}
		text := printed(cfg.Effective())
		if faults != nil {
			for _, fault := range faults.Faults {
				text += fault.Text
				if strings.ContainsFunc(fault.Text, unicode.IsControl) || !utf8.ValidString(fault.Text) {
					t.Errorf("%s=%q: unclean: %q", s.Name, value, fault.Text)
				}
			}
		}
		if hidden := s.Secret || s.shy && faults != nil; hidden && len(value) > 12 && strings.Contains(text, value) && !strings.Contains(public, value) {
			t.Errorf("%s=%q is shown: %s", s.Name, value, text)
		}
		for _, v := range cfg.Effective() {
			if v.Name == s.Name && err == nil && strings.ContainsFunc(v.Value, unicode.IsControl) {
				t.Errorf("%s=%q is printed as %q", s.Name, value, v.Value)
			}
		}
		if err != nil {
			return
		}
		if _, err := cfg.RedisOptions(); err != nil {
			t.Errorf("%s=%q passes, and gives no options of Redis: %v", s.Name, value, err)
		}
		if _, err := cfg.NATSOptions(); err != nil {
			t.Errorf("%s=%q passes, and gives no options of NATS: %v", s.Name, value, err)
		}
	})
}
