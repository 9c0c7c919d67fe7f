//go:build !unix

package rig

import "os/exec"

func bind(*exec.Cmd) {}

// Apart can do nothing here.
func Apart(*exec.Cmd) {}
