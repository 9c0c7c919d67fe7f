package worker

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
)

// dieAt makes a worker die exactly after a step, the first time any event gets there.
func dieAt(at step, died chan<- struct{}) func(*running) {
	return func(r *running) {
		var once atomic.Bool
		r.reached = func(_ *delivery, s step) {
			if s == at && once.CompareAndSwap(false, true) {
				r.kill()
				close(died)
			}
			if r.killed.Load() {
				runtime.Goexit() // nothing more happens in a dead process
			}
		}
	}
}

func always(f conomytest.Fault) conomytest.Fault {
	f.Always = true
	return f
}

func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("the step was never reached")
	}
}
