package bench

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/linkworker/linkworker/worker/rig"
)

// Contender is a way to turn invoices into links.
type Contender struct {
	Name string
	// Command makes the process. It takes where to work from its environment: what [rig.Servers].Environ holds, the vendor's
	// CONOMY_BASE_URL, CONOMY_CONCURRENCY and REDIS_PREFIX, and ends on SIGTERM. Its consumer is the worker's.
	Command func(ctx context.Context, profiles []string) *exec.Cmd
	// Says is that the process says when it is ready, as [rig.Part] does, and there answers GET /metrics for Prometheus.
	Says bool
}

// The names of the contenders that the program brings.
const (
	NameRoofline = "roofline"
	NameWorker   = "linkworker"
)

// The parts of a measurement that are no servers, see [rig.Part].
const (
	PartVendor   = "vendor"
	PartRoofline = "roofline"
	PartWorker   = "worker"
)

// Both are the worker and the roofline.
func Both(p rig.Program) []Contender {
	return []Contender{
		{NameRoofline, func(ctx context.Context, _ []string) *exec.Cmd { return p.Part(ctx, PartRoofline) }, true},
		worker(p),
	}
}

func worker(p rig.Program) Contender {
	return Contender{NameWorker, func(ctx context.Context, profiles []string) *exec.Cmd { return p.Part(ctx, PartWorker, profiles...) }, true}
}

// Command is a contender that is a command line of the user's: words with blanks between them.
func Command(name, line string) Contender {
	words := strings.Fields(line)
	return Contender{name, func(ctx context.Context, _ []string) *exec.Cmd {
		return exec.CommandContext(ctx, words[0], words[1:]...) // #nosec G204 -- the command that the user gives to be measured
	}, false}
}

// passed are the variables that a process may need whatever it is.
var passed = []string{"PATH", "HOME", "TMPDIR", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG"}

// startContender starts a contender at the vendor.
func (b *bench) startContender(ctx context.Context, c Contender, vendor, prefix string, profiles []string) (*rig.Process, error) {
	cmd := c.Command(ctx, profiles)
	for _, name := range passed {
		if value, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, b.servers.Environ...)
	cmd.Env = append(cmd.Env,
		"CONOMY_BASE_URL="+vendor, "CONOMY_API_KEY=bench", "CONOMY_CLIENT_ID=bench", "CONOMY_CLIENT_SECRET=bench",
		"CONOMY_CONCURRENCY="+strconv.Itoa(b.Concurrency), "REDIS_PREFIX="+prefix, "LOG_LEVEL=warn", "LOG_FORMAT=json",
	)
	return rig.Start(c.Name, cmd, c.Says)
}

// startVendor starts a vendor whose answers take a latency.
func (b *bench) startVendor(ctx context.Context, latency string) (*rig.Process, error) {
	return rig.Start(PartVendor, b.Program.Part(ctx, PartVendor, "--latency", latency), true)
}

// complaints are what a contender has said, as an error: it should have said nothing.
func complaints(c *rig.Process) error {
	if text := c.Log(); text != "" {
		return errors.New(c.Name + " says: " + strings.TrimSpace(text))
	}
	return nil
}
