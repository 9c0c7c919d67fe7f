package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Each part of a measurement is a process of its own, so that processor time and memory are counted for who uses them.

// Program is the linkworker program, which runs the parts.
type Program struct {
	Path string // of the executable
	Name string // what it is called as; empty: Path
}

// Part is the hidden command of the program that runs a part: it says on standard output where it is to be reached, as one
// line of JSON ([Ready]), and ends when its standard input does.
const Part = "bench-part"

// The parts.
const (
	PartNATS     = "nats"
	PartRedis    = "redis"
	PartVendor   = "vendor"
	PartRoofline = "roofline"
	PartWorker   = "worker"
)

// Ready is what a part says when it is.
type Ready struct {
	URL string `json:"url,omitempty"`
}

func (p Program) part(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Path, append([]string{Part, name}, args...)...)
	if p.Name != "" {
		cmd.Args[0] = p.Name
	}
	return cmd
}

// child is a process that a measurement runs.
type child struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	url   string
	log   *tail
	ended chan struct{} // closed when it has ended
	err   error         // how; read after ended
}

// startTime bounds how long a process may take until it is ready, and endTime how long until it has ended.
const (
	startTime = 30 * time.Second
	endTime   = 30 * time.Second
)

// start starts a process. If it says when it is ready, start waits for that.
func start(name string, cmd *exec.Cmd, ready bool) (*child, error) {
	c := &child{name: name, cmd: cmd, log: &tail{}, ended: make(chan struct{})}
	cmd.Stderr = c.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	stdin, err := cmd.StdinPipe() // its end tells the process to end, whatever becomes of this one
	if err != nil {
		return nil, err
	}
	c.stdin = stdin
	var said io.ReadCloser
	if ready {
		if said, err = cmd.StdoutPipe(); err != nil {
			return nil, err
		}
	} else {
		cmd.Stdout = c.log
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	line := make(chan string, 1)
	go func() {
		if said != nil {
			first := bufio.NewReader(said)
			text, _ := first.ReadString('\n') // nothing, when it ends before
			line <- text
			_, _ = io.Copy(c.log, first)
		}
		c.err = cmd.Wait()
		close(c.ended)
	}()
	if !ready {
		return c, nil
	}
	select {
	case text := <-line:
		var r Ready
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, errors.Join(fmt.Errorf("%s did not start", name), c.stop(), errors.New(c.log.String()))
		}
		c.url = r.URL
		return c, nil
	case <-time.After(startTime):
		return nil, errors.Join(fmt.Errorf("%s does not start", name), c.stop(), errors.New(c.log.String()))
	}
}

// stop asks the process to end and waits until it has.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	_ = c.stdin.Close()
	select {
	case <-c.ended:
	case <-time.After(endTime):
		_ = c.cmd.Process.Kill()
		<-c.ended
		return fmt.Errorf("%s did not end in %v and was killed", c.name, endTime)
	}
	var exit *exec.ExitError
	if c.err == nil || errors.As(c.err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		return nil // a program that does not catch SIGTERM ends by it
	}
	return fmt.Errorf("%s: %w: %s", c.name, c.err, c.log)
}

// alive is nil as long as the process has not ended by itself.
func (c *child) alive() error {
	select {
	case <-c.ended:
		return fmt.Errorf("%s ended early: %v: %s", c.name, c.err, c.log)
	default:
		return nil
	}
}

// tick is what Linux counts processor time in for those who read /proc, on all machines.
const tick = 10 * time.Millisecond

// cpu is the processor time that the process has used so far; false where the system does not say.
func (c *child) cpu() (time.Duration, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// The second field is the name, in parentheses, with anything in it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, err1 == nil && err2 == nil
}

// memory is what the process holds in memory now, and the most so far, in bytes; zeros where the system does not say.
func (c *child) memory() (now, most int64) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kib << 10
		case "VmHWM":
			most = kib << 10
		}
	}
	return now, most
}

// usage is what a process that has ended used in all.
func (c *child) usage() (cpu time.Duration, memory int64) {
	state := c.cmd.ProcessState
	return state.UserTime() + state.SystemTime(), mostMemory(state)
}

// tail keeps the end of what a process says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > tailBytes {
		t.text = append([]byte(nil), t.text[len(t.text)-tailBytes:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
