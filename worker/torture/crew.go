package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/linkworker/linkworker/worker/rig"
)

// crew is the worker processes.
type crew struct {
	*Options
	workers []*workerProcess
	watched sync.WaitGroup
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
		if err := t.crew.start(ctx, w, always); err != nil {
			return err
		}
	}
	return nil
}

// start starts a process at a place, if that is still called for then, and watches it.
func (c *crew) start(ctx context.Context, w *workerProcess, still func() bool) error {
	// Not ended by ctx: the trial ends its workers itself, those that are stopped too.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), c.Program.Path, "run") // #nosec G204 -- this program itself
	if c.Program.Name != "" {
		cmd.Args[0] = c.Program.Name
	}
	cmd.Env, cmd.Stderr = w.environ, w.log
	from, err := w.log.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	p, err := rig.Start(fmt.Sprintf("worker %d", w.number+1), cmd, false)
	if err != nil {
		return err
	}
	w.mu.Lock()
	wanted := still()
	if wanted {
		w.process, w.from, w.paused, w.leaving = p, from, false, false
	}
	w.mu.Unlock()
	if !wanted {
		p.Kill()
		return nil
	}
	c.watched.Go(func() { c.watch(ctx, w, p) })
	return nil
}

// watch looks how a process ends. One that was killed was replaced already, and who asked one to end looks how it does; one
// that could not begin, since a server was away, is started again, as anything that starts workers does; all else is an
// accident.
func (c *crew) watch(ctx context.Context, w *workerProcess, p *rig.Process) {
	<-p.Ended()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch state := p.State(); {
	case w.process != p || w.leaving || ctx.Err() != nil:
		return
	case state.ExitCode() == 1 && !w.began() && w.unbegun < maxUnbegun:
		w.unbegun++
		c.watched.Go(func() {
			rest(ctx, 100*time.Millisecond)
			if err := c.start(ctx, w, func() bool { return w.process == p && !w.leaving && ctx.Err() == nil }); err != nil {
				w.fail(err)
			}
		})
	default:
		w.accident = fmt.Errorf("worker %d (process %d) ended by itself: %v: %s", w.number+1, p.PID(), state, p.Log())
	}
}

// maxUnbegun bounds how often a worker that cannot begin is started again.
const maxUnbegun = 1000

// kill kills the process at a place and starts another.
func (c *crew) kill(ctx context.Context, w *workerProcess) error {
	w.mu.Lock()
	p, leaving := w.process, w.leaving
	w.process, w.paused = nil, false
	w.unbegun = 0
	w.mu.Unlock()
	if p != nil {
		p.Kill()
	}
	if leaving {
		return nil // the next one comes when the place has been empty
	}
	return c.start(ctx, w, always)
}

func always() bool { return true }

// dismiss ends all workers as an operator would, and says how that went.
func (c *crew) dismiss() error {
	errs := make([]error, len(c.workers))
	var ending sync.WaitGroup
	for i, w := range c.workers {
		ending.Go(func() { errs[i] = w.dismiss() })
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
