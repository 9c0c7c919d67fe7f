package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/linkworker/linkworker/worker/rig"
)

// crew is the worker processes.
type crew struct {
	*Options
	workers []*workerProcess
	watched sync.WaitGroup
}

// workerProcess is one place for a worker: what runs there is replaced when it ends.
type workerProcess struct {
	number  int // from 0
	wires   wires
	environ []string
	log     *os.File

	mu       sync.Mutex
	process  *rig.Process
	paused   bool
	leaving  bool  // is asked to end
	unbegun  int   // starts in a row that came to nothing
	accident error // it ended otherwise
}

// passed are the variables that a process may need whatever it is.
var passed = []string{"PATH", "HOME", "TMPDIR", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG"}

func (t *trial) muster(ctx context.Context) (err error) {
	t.crew = &crew{Options: &t.Options}
	for number := range t.Workers {
		w := &workerProcess{number: number}
		t.crew.workers = append(t.crew.workers, w)
		if w.log, err = os.Create(filepath.Join(t.Dir, fmt.Sprintf("worker-%d.log", number+1))); err != nil {
			return err
		}
		upstreams := map[string]string{wireVendor: t.vendor.addrs[number]}
		natsURL, redisURL := t.NATSURL, t.RedisURL
		if address, ok := behind(natsURL, "nats"); ok {
			upstreams[wireNATS] = address
		}
		if address, ok := behind(redisURL, "redis"); ok {
			upstreams[wireRedis] = address
		}
		if w.wires, err = strung(upstreams); err != nil {
			return err
		}
		if wire := w.wires[wireNATS]; wire != nil {
			natsURL = instead(natsURL, wire.addr())
		}
		if wire := w.wires[wireRedis]; wire != nil {
			redisURL = instead(redisURL, wire.addr())
		}
		for _, name := range passed {
			if value, set := os.LookupEnv(name); set {
				w.environ = append(w.environ, name+"="+value)
			}
		}
		w.environ = append(w.environ, t.Environ...)
		w.environ = append(w.environ, "NATS_URL="+natsURL, "REDIS_URL="+redisURL, "REDIS_PREFIX="+t.prefix(),
			"CONOMY_BASE_URL=http://"+w.wires[wireVendor].addr()+sandboxPath,
			"CONOMY_API_KEY=torture", "CONOMY_CLIENT_ID=torture", "CONOMY_CLIENT_SECRET=torture",
			"ADMIN_ADDR=", "LOG_LEVEL=debug", "LOG_FORMAT=json")
		if err := t.crew.start(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// start starts a process at a place, and watches it.
func (c *crew) start(ctx context.Context, w *workerProcess) error {
	// Not ended by ctx: the trial ends its workers itself, those that are stopped too.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), c.Program.Path, "run") // #nosec G204 -- this program itself
	if c.Program.Name != "" {
		cmd.Args[0] = c.Program.Name
	}
	cmd.Env, cmd.Stderr = w.environ, w.log
	p, err := rig.Start(fmt.Sprintf("worker %d", w.number+1), cmd, false)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.process = p
	w.mu.Unlock()
	c.watched.Go(func() { c.watch(ctx, w, p) })
	return nil
}

// watch looks how a process ends. One that was killed was replaced already; one that could not begin, since a server was
// away, is started again, as anything that starts workers does; all else is an accident.
func (c *crew) watch(ctx context.Context, w *workerProcess, p *rig.Process) {
	<-p.Ended()
	w.mu.Lock()
	defer w.mu.Unlock()
	state := p.State()
	status, _ := state.Sys().(syscall.WaitStatus)
	switch {
	case w.process != p || w.leaving && state.Success() || ctx.Err() != nil:
		return
	case !w.leaving && state.ExitCode() == 1 && !strings.Contains(p.Log(), `"msg":"working"`) && w.unbegun < maxUnbegun:
		w.unbegun++
		c.watched.Go(func() {
			time.Sleep(100 * time.Millisecond)
			w.mu.Lock()
			again := w.process == p && !w.leaving
			w.mu.Unlock()
			if !again {
				return
			}
			if err := c.start(ctx, w); err != nil {
				w.fail(err)
			}
		})
	case status.Signaled() && w.leaving:
		return // it had not caught signals yet
	default:
		w.accident = fmt.Errorf("worker %d (process %d) ended by itself: %v: %s", w.number+1, p.PID(), state, p.Log())
	}
}

// maxUnbegun bounds how often a worker that cannot begin is started again: a few seconds of outage, and no more.
const maxUnbegun = 100

func (w *workerProcess) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accident = err
}

// kill kills the process at a place and starts another.
func (c *crew) kill(ctx context.Context, w *workerProcess) error {
	w.mu.Lock()
	p := w.process
	w.process, w.paused = nil, false
	w.unbegun = 0
	w.mu.Unlock()
	if p != nil {
		p.Kill()
	}
	return c.start(ctx, w)
}

// pause stops the process at a place; it reports whether it went on until now.
func (w *workerProcess) pause() (*rig.Process, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused || w.process == nil || w.process.State() != nil {
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

// dismiss ends all workers as an operator would, and says how that went.
func (c *crew) dismiss() error {
	errs := make([]error, len(c.workers))
	var ending sync.WaitGroup
	for i, w := range c.workers {
		ending.Go(func() {
			w.mu.Lock()
			w.leaving = true
			p := w.process
			w.mu.Unlock()
			if p != nil {
				errs[i] = p.Stop()
			}
		})
	}
	ending.Wait()
	c.watched.Wait()
	for _, w := range c.workers {
		errs = append(errs, w.accident)
	}
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil })...)
}

// disband ends all workers at once, whatever they do.
func (c *crew) disband() {
	for _, w := range c.workers {
		w.mu.Lock()
		w.leaving = true
		p := w.process
		w.mu.Unlock()
		if p != nil {
			p.Kill()
		}
	}
	c.watched.Wait()
	for _, w := range c.workers {
		w.wires.close()
		if w.log != nil {
			_ = w.log.Close() // written by processes that have ended
		}
	}
}
