package testenv

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// The values of LINKWORKER_TEST_CONTAINERS; empty: where Docker is there.
const (
	switchVariable = "LINKWORKER_TEST_CONTAINERS"
	switchRequire  = "require"
	switchOff      = "off"
)

var (
	// busy is held by the test that uses the containers.
	busy sync.Mutex
	// ran counts the tests by kind of server.
	ranEmbedded, ranContainers atomic.Int64
)

// Each runs f as a subtest on each kind of server; see the package comment.
// Without Docker the one on containers is skipped, or fails where it is
// required. Tests that run beside each other take turns on the containers.
func Each(t *testing.T, f func(t *testing.T, env *Env)) {
	t.Helper()
	t.Run(Embedded, func(t *testing.T) {
		env := openEmbedded(t)
		ranEmbedded.Add(1)
		f(t, env)
	})
	t.Run(Containers, func(t *testing.T) {
		env := openContainers(t)
		ranContainers.Add(1)
		f(t, env)
	})
}

// openContainers prepares the package's containers for one test.
func openContainers(t *testing.T) *Env {
	t.Helper()
	mode := os.Getenv(switchVariable)
	if mode == switchOff {
		t.Skipf("left out: the run on NATS and Redis in containers, as %s=%s says", switchVariable, mode)
	}
	pair, err := shared()
	switch {
	case err != nil && mode == switchRequire:
		t.Fatalf("%s=%s: %v", switchVariable, mode, err)
	case err != nil:
		t.Skipf("left out: the run on NATS and Redis in containers: %v", err)
	}
	busy.Lock()
	t.Cleanup(busy.Unlock)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := pair.reset(ctx); err != nil {
		t.Fatalf("empty the containers: %v", err)
	}
	return newEnv(Containers, pair.nats, pair.redis)
}
