package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// Load reads the settings of the groups that are needed, all when none is
// named, from the flags in fs (nil: none), the environment and files, and
// checks them. lookupEnv is [os.LookupEnv] or a test's.
//
// The error is a *[FaultsError] with every fault. The Config that comes with
// it is good for [Config.Effective] only.
func Load(fs *pflag.FlagSet, lookupEnv func(string) (string, bool), need ...Group) (*Config, error) {
	l := &loader{cfg: &Config{}, flags: fs, env: lookupEnv, faulty: map[string]bool{}, found: map[string]found{}}
	settings := Settings()
	for _, s := range settings {
		l.setDefault(s)
	}
	for _, s := range settings {
		if inGroups(s.Group, need) {
			l.load(s)
		}
	}
	l.checkRules(need)
	if len(l.faults) > 0 {
		return l.cfg, &FaultsError{Faults: inOrder(settings, l.faults)}
	}
	return l.cfg, nil
}

type loader struct {
	cfg    *Config
	flags  *pflag.FlagSet
	env    func(string) (string, bool)
	faults []Fault
	faulty map[string]bool // names with a fault
	found  map[string]found
}

func (l *loader) fault(name, text string) {
	l.faulty[name] = true
	f := Fault{Name: name, FromFlag: l.found[name].source == SourceFlag, Text: text}
	for _, s := range Settings() {
		if s.Name == name {
			f.Flag = s.Flag
		}
	}
	l.faults = append(l.faults, f)
}

func (l *loader) setDefault(s Setting) {
	if s.Default == "" {
		return
	}
	if err := s.parse(l.cfg, s.Default); err != nil {
		panic("config: the default of " + s.Name + " " + err.Error())
	}
}

// found is where a value was found.
type found struct {
	raw    string
	source Source
	path   string // of the file
	ok     bool   // false: nothing given
}

func (l *loader) load(s Setting) {
	got, err := l.find(s)
	if err == nil && got.ok {
		got.raw, err = clean(s, got.raw)
	}
	if err == nil && got.ok {
		err = s.parse(l.cfg, got.raw)
	}
	if err == nil && !got.ok && s.Required {
		err = fmt.Errorf("required; set it or %s to the path of a file that holds it", s.File())
	}
	l.found[s.Name] = got
	if err != nil {
		l.fault(s.Name, l.where(s, got)+err.Error())
	}
	l.cfg.values = append(l.cfg.values, effective(s, got, err != nil))
	l.cfg.files.note(s, got)
}

// where says that a faulty value stands in a file, when it does.
func (l *loader) where(s Setting, got found) string {
	if got.source == SourceFile && got.ok {
		return fmt.Sprintf("(from %s, file %s) ", s.File(), quote(got.path))
	}
	return ""
}

// find looks for the raw value: flag, then variable or file.
func (l *loader) find(s Setting) (found, error) {
	if got, ok := l.fromFlag(s); ok {
		return got, nil
	}
	value, set := l.env(s.Name)
	isSet := set && (strings.TrimSpace(value) != "" || s.emptyMeansNone())
	path := l.filePath(s)
	switch {
	case isSet && path != "":
		return found{source: SourceEnvironment}, fmt.Errorf("both it and %s are set; set only one of them", s.File())
	case isSet:
		return found{raw: value, source: SourceEnvironment, ok: true}, nil
	case path != "":
		raw, err := readValue(path)
		if err != nil {
			return found{source: SourceFile, path: path}, fmt.Errorf("%s names %w; set it to the path of a readable file that holds the value", s.File(), err)
		}
		return found{raw: raw, source: SourceFile, path: path, ok: true}, nil
	}
	return found{source: SourceDefault}, nil
}

// fromFlag returns a flag's value. An empty flag stands for the default, even
// where the environment has another value.
func (l *loader) fromFlag(s Setting) (found, bool) {
	if l.flags == nil || s.Flag == "" {
		return found{}, false
	}
	flag := l.flags.Lookup(s.Flag)
	if flag == nil || !flag.Changed {
		return found{}, false
	}
	raw := flag.Value.String()
	given := strings.TrimSpace(raw) != "" || s.emptyMeansNone()
	return found{raw: raw, source: SourceFlag, ok: given}, true
}

func (l *loader) filePath(s Setting) string {
	if s.File() == "" {
		return ""
	}
	path, _ := l.env(s.File())
	return strings.TrimSpace(path)
}

// clean drops white space around a value that is no secret and refuses what no
// setting can hold. It never quotes the value.
func clean(s Setting, raw string) (string, error) {
	if !s.Secret {
		raw = strings.TrimSpace(raw)
	}
	if !utf8.ValidString(raw) {
		return "", errors.New("is not valid UTF-8; set plain text")
	}
	// A credentials seed may come with the lines around it.
	if s.Name != "NATS_NKEY" && strings.ContainsFunc(raw, unicode.IsControl) {
		return "", errors.New("has a line break or another control character in it; set one line of text")
	}
	return raw, nil
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// inOrder sorts faults as their settings are ordered; those of one setting
// stay as they were found.
func inOrder(settings []Setting, faults []Fault) []Fault {
	sorted := make([]Fault, 0, len(faults))
	for _, s := range settings {
		for _, f := range faults {
			if f.Name == s.Name {
				sorted = append(sorted, f)
			}
		}
	}
	return sorted
}
