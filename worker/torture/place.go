package torture

import (
	"bytes"
	"os"
	"sync"

	"github.com/linkworker/linkworker/worker/rig"
)

// workerProcess is one place for a worker: what runs there is replaced when it ends.
type workerProcess struct {
	number  int // from 0
	wires   wires
	environ []string
	log     *os.File

	mu       sync.Mutex
	process  *rig.Process
	paused   bool
	from     int64 // where in the log it begins
	leaving  bool  // is asked to end
	unbegun  int   // starts in a row that came to nothing
	accident error // it ended otherwise
}

// began reports whether the process has come so far that it works: it says so among the first things that it says.
func (w *workerProcess) began() bool {
	head := make([]byte, 64<<10)
	n, _ := w.log.ReadAt(head, w.from) // less where there is less
	return bytes.Contains(head[:n], []byte(`"msg":"working"`))
}

func (w *workerProcess) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accident = err
}

// dismiss asks the process at a place to end, as an operator does, and says what is wrong with how it ends. One that had not
// begun, since a server was away, may end in any way.
func (w *workerProcess) dismiss() error {
	w.mu.Lock()
	w.leaving = true
	p := w.process
	w.mu.Unlock()
	if p == nil {
		return nil
	}
	err := p.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.began() {
		return nil
	}
	return err
}

// stays reports whether nobody has stopped the process at a place, or asked it to end.
func (w *workerProcess) stays() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.process != nil && !w.paused && !w.leaving
}

// pause stops the process at a place; it reports whether it went on until now.
func (w *workerProcess) pause() (*rig.Process, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused || w.leaving || w.process == nil || w.process.State() != nil {
		return nil, false
	}
	w.paused = w.process.Pause() == nil
	return w.process, w.paused
}

// resume lets a process go on, if it was not killed meanwhile.
func (w *workerProcess) resume(p *rig.Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process == p {
		_ = p.Resume() // it may have ended
		w.paused = false
	}
}
