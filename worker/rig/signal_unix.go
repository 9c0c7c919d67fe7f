//go:build unix

package rig

import "syscall"

// Pause stops the process where it is, and Resume lets it go on.
func (c *Process) Pause() error { return c.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a process that was paused go on.
func (c *Process) Resume() error { return c.cmd.Process.Signal(syscall.SIGCONT) }

// CanPause says whether processes can be paused here.
const CanPause = true
