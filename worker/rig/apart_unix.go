//go:build unix

package rig

import (
	"os/exec"
	"syscall"
)

// Apart keeps a Ctrl-C, which reaches all processes of a terminal, from one that is to be started: it ends in its own time.
func Apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
