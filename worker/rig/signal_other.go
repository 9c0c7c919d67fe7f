//go:build !unix

package rig

import "errors"

// CanPause says whether processes can be paused here.
const CanPause = false

// Pause is not to be had here.
func (c *Process) Pause() error { return errors.ErrUnsupported }

// Resume is not to be had here.
func (c *Process) Resume() error { return errors.ErrUnsupported }
