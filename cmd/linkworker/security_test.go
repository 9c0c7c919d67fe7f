package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/config"
)

// TestSecurityPage holds the page on security to the tests, files and settings that it names.
func TestSecurityPage(t *testing.T) {
	const root = "../.."
	page, err := os.ReadFile(filepath.Join(root, ".github", "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range declared.FindAllSubmatch(text, -1) {
			tests[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(page), -1)
	if len(named) < 20 {
		t.Errorf("only %d claims name a test", len(named))
	}
	for _, name := range named {
		if !tests[name] {
			t.Errorf("there is no test %s", name)
		}
	}
	for _, link := range regexp.MustCompile(`\]\((\.\./[^)#]+)`).FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(filepath.Join(root, ".github", link[1])); err != nil {
			t.Error(err)
		}
	}
	var settings []string
	for _, s := range config.Settings() {
		settings = append(settings, s.Name, s.File())
	}
	for _, name := range regexp.MustCompile("`((?:NATS|REDIS|CONOMY|ADMIN)_[A-Z_]+)`").FindAllStringSubmatch(string(page), -1) {
		if !slices.Contains(settings, name[1]) {
			t.Errorf("there is no setting %s", name[1])
		}
	}
}
