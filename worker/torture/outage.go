package torture

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/linkworker/linkworker/worker/rig"
)

// Outage is what is done to a server, or to several, of the user.
type Outage struct {
	Command string // for the report
	// Do breaks something for about so long, and returns when all is as it was.
	Do func(ctx context.Context, lasts time.Duration) error
}

// secondsVariable says to a command for how long a server is to be away.
const secondsVariable = "OUTAGE_SECONDS"

// outageTime is how long a command may take: elections, and servers that catch up one after the other.
const outageTime = 5 * time.Minute

// ShellOutage is an outage by a shell command, which is told for how long something is to be away in OUTAGE_SECONDS.
func ShellOutage(command string) *Outage {
	return &Outage{Command: command, Do: func(ctx context.Context, lasts time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, outageTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-c", command) // #nosec G204 -- the command that the user gives to break servers
		cmd.Env = append(os.Environ(), secondsVariable+"="+strconv.Itoa(int(math.Ceil(lasts.Seconds()))))
		// It mends what it broke before it ends, also where this process is asked to end, or is killed.
		rig.Apart(cmd)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = rig.EndTime
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, out)
		}
		return nil
	}}
}

// outagePace is how long an event waits for the next one while an outage lasts, so that each of its phases meets some.
const outagePace = 150 * time.Millisecond

// outage lets a command break something of the user's and mend it, beside all else. The next one of the same kind waits: it
// might take away what is left.
func (t *trial) outage(ctx context.Context, k *strike) error {
	turn := t.turns[k.fault]
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	t.outages.Add(1)
	t.last(t.noteStrike(k), func() {
		defer func() { t.outages.Add(-1); <-turn }()
		// Not ended by ctx: it is to mend what it broke.
		t.fail(k.outage.Do(context.WithoutCancel(ctx), k.lasts))
	})
	return nil
}
