package testenv

import (
	"io"
	"os"
	"os/exec"
	"sync"
)

// guardScript reads ids of containers and networks until its input ends, which
// happens when this process ends in whatever way, and then removes those. It
// outlives a Ctrl-C at the terminal, which reaches it too.
const guardScript = `trap '' INT TERM HUP
ids= networks=
while read -r id of; do
	case $id in
	done) ids= networks= ;;
	network) networks="$networks $of" ;;
	*) ids="$ids $id" ;;
	esac
done
[ -z "$ids" ] || docker rm -f -v $ids
[ -z "$networks" ] || docker network rm $networks`

// reaperVariable turns testcontainers' reaper off.
const reaperVariable = "TESTCONTAINERS_RYUK_DISABLED"

// guard removes containers after a test binary that was killed, timed out or
// panicked: none of these runs Main to its end. It stands in for testcontainers'
// own reaper, whose image cannot be had everywhere. Where there is no shell or
// no docker command, it does nothing and leaves the matter to the reaper.
type guard struct {
	mu      sync.Mutex
	command *exec.Cmd
	input   io.WriteCloser
}

func startGuard() *guard {
	if _, err := exec.LookPath("docker"); err != nil {
		return &guard{}
	}
	command := exec.Command("sh", "-c", guardScript)
	input, err := command.StdinPipe()
	if err != nil || command.Start() != nil {
		return &guard{}
	}
	if os.Getenv(reaperVariable) == "" {
		// Cannot fail: the name is good.
		_ = os.Setenv(reaperVariable, "true")
	}
	return &guard{command: command, input: input}
}

func (g *guard) add(id string) { g.send(id) }

func (g *guard) addNetwork(id string) { g.send("network " + id) }

// end ends the guard: with clean it has nothing left to remove, else it tries.
func (g *guard) end(clean bool) {
	if clean {
		g.send("done")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.command == nil {
		return
	}
	// Nothing can be done about a guard that fails.
	_ = g.input.Close()
	_ = g.command.Wait()
	g.command = nil
}

func (g *guard) send(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.command != nil {
		_, _ = io.WriteString(g.input, line+"\n")
	}
}
