package rig

import (
	"os/exec"
	"syscall"
)

// bind ties a process to this one: it is killed when this one ends, however that comes. A Ctrl-C reaches only this one,
// which then ends the others in its own order.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
