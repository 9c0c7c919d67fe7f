package testenv_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/worker/testenv"
)

// roleVariable makes a run of this test binary play another machine or a test
// that never ends.
const (
	roleVariable = "TESTENV_TEST_ROLE"
	roleNoDocker = "no docker"
	roleHang     = "hang"
)

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == roleNoDocker {
		testenv.PretendNoDocker()
	}
	testenv.Main(m)
}

// child is this test binary, to run one test.
func child(t *testing.T, test, role string, environ ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self, "-test.run=^"+test+"$", "-test.v")
	command.Env = append(os.Environ(), roleVariable+"="+role, "GOCOVERDIR="+t.TempDir())
	command.Env = append(command.Env, environ...)
	return command
}

func TestWithoutDocker(t *testing.T) {
	for mode, want := range map[string]struct {
		passes bool
		says   []string
		remark string
	}{
		"":        {true, []string{"--- SKIP", "left out: the run on NATS and Redis in containers: no Docker: pretended"}, "left out: no Docker: pretended"},
		"off":     {true, []string{"--- SKIP", "as LINKWORKER_TEST_CONTAINERS=off says"}, "left out: "},
		"require": {false, []string{"--- FAIL", "LINKWORKER_TEST_CONTAINERS=require: no Docker: pretended"}, "left out: no Docker: pretended"},
	} {
		t.Run("mode "+mode, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "report")
			command := child(t, "TestContainersAreReal", roleNoDocker,
				"LINKWORKER_TEST_CONTAINERS="+mode, "LINKWORKER_TEST_REPORT="+path)
			out, err := command.CombinedOutput()
			if (err == nil) != want.passes {
				t.Errorf("error %v", err)
			}
			for _, says := range want.says {
				if !strings.Contains(string(out), says) {
					t.Errorf("does not say %q", says)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
			lines := readLines(t, path)
			const self = "github.com/linkworker/linkworker/worker/testenv\t"
			if len(lines) != 2 || lines[0] != self+"embedded\t1\t" || !strings.HasPrefix(lines[1], self+"containers\t0\t"+want.remark) {
				t.Errorf("report %q", lines)
			}
		})
	}
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

// TestHang is run by TestKilled alone: it never ends.
func TestHang(t *testing.T) {
	if os.Getenv(roleVariable) != roleHang {
		return
	}
	testenv.Each(t, func(_ *testing.T, env *testenv.Env) {
		if env.Backend == testenv.Containers {
			fmt.Println("containers", strings.Join(testenv.ContainerIDs(), " "))
			select {}
		}
	})
}

// TestKilled kills a test binary and looks whether its containers go.
func TestKilled(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		if env.Backend != testenv.Containers {
			return
		}
		if _, err := exec.LookPath("docker"); err != nil {
			t.Skipf("left out: without a docker command the guard does nothing: %v", err)
		}
		command := child(t, "TestHang", roleHang)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for lines := bufio.NewScanner(out); len(ids) == 0 && lines.Scan(); {
			if rest, ok := strings.CutPrefix(lines.Text(), "containers "); ok {
				ids = strings.Fields(rest)
			}
		}
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = command.Wait() // it was killed
		if len(ids) != 2 {
			t.Fatalf("containers %q", ids)
		}
		for _, id := range ids {
			eventually(t, "container "+id+" is gone", func() bool {
				return exec.Command("docker", "inspect", id).Run() != nil
			})
		}
	})
}

func TestGuard(t *testing.T) {
	dir := t.TempDir()
	removed := filepath.Join(dir, "removed")
	script := "#!/bin/sh\necho \"$@\" >" + removed + "\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "false") // startGuard respects and keeps it

	clean := testenv.StartGuard()
	clean.Add("one")
	clean.End(true)
	if _, err := os.Stat(removed); err == nil {
		t.Errorf("removed after a clean end: %q", readLines(t, removed))
	}

	unclean := testenv.StartGuard()
	unclean.Add("one")
	unclean.Add("two")
	unclean.End(false)
	if got := readLines(t, removed); len(got) != 1 || got[0] != "rm -f -v one two" {
		t.Errorf("ran docker %q", got)
	}
	unclean.End(false)
	unclean.Add("three")
	if got := os.Getenv("TESTCONTAINERS_RYUK_DISABLED"); got != "false" {
		t.Errorf("the reaper was turned off against the user's word: %q", got)
	}
}
