package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// However a trial ends, none of its processes is left.
func TestTortureLeavesNoProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system does not list processes in /proc")
	}
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: exitInterrupted, syscall.SIGKILL: -1} {
		t.Run(signal.String(), func(t *testing.T) {
			logs := t.TempDir()
			var said bytes.Buffer
			cmd := exec.Command("linkworker", "torture", "--events", "10000", "--workers", "2", "--seed", "4", "--faults", "stop,kill", "--logs", logs)
			cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var children []string
			until(t, "the workers work", func() bool {
				children = childrenOf(t, cmd.Process.Pid)
				return len(children) >= 4 && working(logs) == 2
			})
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // says what the exit code says
			if code := cmd.ProcessState.ExitCode(); code != want {
				t.Errorf("exit code %d: %s", code, &said)
			}
			until(t, "no process is left", func() bool {
				for _, pid := range children {
					if state, _ := processState(pid); state != "" && state != "Z" {
						return false
					}
				}
				return true
			})
		})
	}
}

// working counts the workers that say that they work.
func working(logs string) (n int) {
	paths, _ := filepath.Glob(filepath.Join(logs, "worker-*.log"))
	for _, path := range paths {
		if text, _ := os.ReadFile(path); bytes.Contains(text, []byte(`"msg":"working"`)) {
			n++
		}
	}
	return n
}

func childrenOf(t *testing.T, parent int) (pids []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if _, of := processState(filepath.Base(path)); of == fmt.Sprint(parent) {
			pids = append(pids, filepath.Base(path))
		}
	}
	return pids
}

// processState is the state of a process, and its parent; empty where there is none.
func processState(pid string) (state, parent string) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", ""
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return fields[0], fields[1]
}
