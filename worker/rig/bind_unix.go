//go:build unix && !linux

package rig

import "os/exec"

// bind keeps a Ctrl-C from the process: it reaches only this one, which then ends the others in its own order.
func bind(cmd *exec.Cmd) { Apart(cmd) }
