package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Program is the linkworker program, which runs the parts.
type Program struct {
	Path string // of the executable
	Name string // what it is called as; empty: Path
}

// Part is the hidden command of the program that runs a part: it says on standard output where it is to be reached, as one
// line of JSON ([Ready]), and ends when its standard input does.
const Part = "part"

// The parts that are servers.
const (
	PartNATS  = "nats"
	PartRedis = "redis"
)

// Ready is what a part says when it is.
type Ready struct {
	URL string `json:"url,omitempty"`
}

// Part is the command that runs a part. Its processor time and memory are counted for it alone.
func (p Program) Part(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Path, append([]string{Part, name}, args...)...) // #nosec G204 -- this program itself
	if p.Name != "" {
		cmd.Args[0] = p.Name
	}
	return cmd
}

// Process is one that was started. Its methods may be called from several goroutines.
type Process struct {
	Name  string // for errors
	cmd   *exec.Cmd
	stdin io.WriteCloser
	url   string
	log   *tail
	ended chan struct{} // closed when it has ended
	err   error         // how; read after ended
}

// startTime bounds how long a process may take until it is ready, and EndTime how long until it has ended.
const (
	startTime = 30 * time.Second
	EndTime   = 30 * time.Second
)

// Start starts a process. If it says when it is ready, as [Part] does, Start waits for that. What it says besides goes to
// cmd.Stderr, too, where that is set.
func Start(name string, cmd *exec.Cmd, ready bool) (*Process, error) {
	c := &Process{Name: name, cmd: cmd, log: &tail{}, ended: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = c.log
	} else {
		cmd.Stderr = io.MultiWriter(cmd.Stderr, c.log)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = EndTime
	bind(cmd)
	stdin, err := cmd.StdinPipe() // its end tells a part to end, whatever becomes of this process
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
	started, line := make(chan error, 1), make(chan string, 1)
	go func() {
		// What is bound to this process is bound to the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if said != nil {
			first := bufio.NewReader(said)
			text, _ := first.ReadString('\n') // nothing, when it ends before
			line <- text
			_, _ = io.Copy(c.log, first)
		}
		c.err = cmd.Wait()
		close(c.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	if !ready {
		return c, nil
	}
	select {
	case text := <-line:
		var r Ready
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, errors.Join(fmt.Errorf("%s did not start", name), c.Stop(), errors.New(c.log.String()))
		}
		c.url = r.URL
		return c, nil
	case <-time.After(startTime):
		return nil, errors.Join(fmt.Errorf("%s does not start", name), c.Stop(), errors.New(c.log.String()))
	}
}

// URL is where it said that it is to be reached.
func (c *Process) URL() string { return c.url }

// Log is the end of what it has said.
func (c *Process) Log() string { return c.log.String() }

// PID is the process's number.
func (c *Process) PID() int { return c.cmd.Process.Pid }

// Tell writes a line to the process's standard input.
func (c *Process) Tell(line string) error {
	_, err := io.WriteString(c.stdin, line+"\n")
	return err
}

// Ended is closed when the process has ended.
func (c *Process) Ended() <-chan struct{} { return c.ended }

// State is how the process has ended; nil before.
func (c *Process) State() *os.ProcessState {
	select {
	case <-c.ended:
		return c.cmd.ProcessState
	default:
		return nil
	}
}

// Kill ends the process at once and waits until it has ended.
func (c *Process) Kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	_ = c.stdin.Close()
	<-c.ended
}

// end is Kill or Stop.
func (c *Process) end(hard bool) error {
	if hard {
		c.Kill()
		return nil
	}
	return c.Stop()
}

// Stop asks the process to end and waits until it has.
func (c *Process) Stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	_ = c.stdin.Close()
	select {
	case <-c.ended:
	case <-time.After(EndTime):
		c.Kill()
		return fmt.Errorf("%s did not end in %v and was killed", c.Name, EndTime)
	}
	var exit *exec.ExitError
	if c.err == nil || errors.As(c.err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		return nil // a program that does not catch SIGTERM ends by it
	}
	return fmt.Errorf("%s: %w: %s", c.Name, c.err, c.log)
}

// Alive is nil as long as the process has not ended by itself.
func (c *Process) Alive() error {
	select {
	case <-c.ended:
		return fmt.Errorf("%s ended early: %v: %s", c.Name, c.err, c.log)
	default:
		return nil
	}
}

// tick is what Linux counts processor time in for those who read /proc, on all machines.
const tick = 10 * time.Millisecond

// CPU is the processor time that the process has used so far; false where the system does not say.
func (c *Process) CPU() (time.Duration, bool) {
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

// Memory is what the process holds in memory now, and the most so far, in bytes; zeros where the system does not say.
func (c *Process) Memory() (now, most int64) {
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

// Usage is what a process that has ended used in all.
func (c *Process) Usage() (cpu time.Duration, memory int64) {
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
