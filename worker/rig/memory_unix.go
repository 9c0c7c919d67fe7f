//go:build unix

package rig

import (
	"os"
	"runtime"
	"syscall"
)

// mostMemory is the most that a process which has ended held, in bytes. On Linux it is not less than what the process that
// started it held then.
func mostMemory(state *os.ProcessState) int64 {
	rusage, ok := state.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin":
		return int64(rusage.Maxrss)
	}
	return int64(rusage.Maxrss) << 10
}
