package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"

	"github.com/linkworker/linkworker/worker/embedded"
)

// attempts is how many host ports are tried: another process may take one
// between its choice and the container's start.
const attempts = 5

const localhost = "localhost"

// container is a server in a container with a fixed port of the host, as Docker
// gives a container a new one at each start otherwise.
type container struct {
	scheme, port, path string                                      // how clients reach it; port is the container's
	ask                func(ctx context.Context, url string) error // nil: it serves

	mu       sync.Mutex
	inner    *testcontainers.DockerContainer
	host     string
	hostPort int
	running  bool
}

func (c *container) URL() string {
	return c.scheme + "://" + net.JoinHostPort(c.host, strconv.Itoa(c.hostPort)) + c.path
}

// create makes and starts the container; its port is at one of the hosts.
func (c *container) create(ctx context.Context, g *guard, hosts []string, image string, command []string, more ...testcontainers.ContainerCustomizer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var failures []error
	for range attempts {
		port, err := embedded.FreePort()
		if err != nil {
			return err
		}
		c.hostPort = port
		// The container is there even where its start failed.
		c.inner, err = testcontainers.Run(ctx, image, append([]testcontainers.ContainerCustomizer{
			testcontainers.WithCmd(command...),
			testcontainers.WithExposedPorts(c.port + "/tcp"),
			testcontainers.WithHostConfigModifier(func(host *docker.HostConfig) { c.configure(host, hosts) }),
		}, more...)...)
		if c.inner != nil {
			g.add(c.inner.GetContainerID())
		}
		if err == nil {
			c.running = true
			return c.find(ctx, hosts)
		}
		failures = append(failures, fmt.Errorf("container of %s: %w", image, err), c.remove())
		if !portTaken(err) {
			break
		}
	}
	return errors.Join(failures...)
}

// portTaken reports whether Docker failed for the host port: the API has no code
// for it.
func portTaken(err error) bool {
	return strings.Contains(err.Error(), "already allocated") || strings.Contains(err.Error(), "already in use")
}

// configure publishes the port, on loopback where clients can only mean that,
// and puts the data on a volume of the container's own, which goes with it.
func (c *container) configure(host *docker.HostConfig, hosts []string) {
	binding := network.PortBinding{HostPort: strconv.Itoa(c.hostPort)}
	if len(hosts) == 1 && hosts[0] == localhost {
		binding.HostIP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	host.PortBindings = network.PortMap{network.MustParsePort(c.port + "/tcp"): {binding}}
	host.Mounts = []mount.Mount{{Type: mount.TypeVolume, Target: "/data"}}
}

// find waits until the server answers at one of the hosts.
func (c *container) find(ctx context.Context, hosts []string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tries := 0
	return await(ctx, func() error {
		c.host = hosts[tries%len(hosts)]
		tries++
		return c.answers(ctx)
	})
}

// answers tries once, for a second at most where the host is none that answers.
func (c *container) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// go-redis goes on dialling behind a call that has ended.
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(c.host, strconv.Itoa(c.hostPort)))
	if err != nil {
		return err
	}
	return errors.Join(conn.Close(), c.ask(ctx, c.URL()))
}

// Stop ends the server as an orchestrator does: SIGTERM, and SIGKILL when that
// does not help.
func (c *container) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	grace := 10 * time.Second
	err := c.inner.Stop(ctx, &grace)
	c.running = c.running && err != nil
	return err
}

func (c *container) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return nil
	}
	if err := c.inner.Start(ctx); err != nil {
		return err
	}
	c.running = true
	return c.find(ctx, []string{c.host})
}

func (c *container) terminate() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remove()
}

// remove needs no grace: what is in the container goes with it.
func (c *container) remove() error {
	if c.inner == nil {
		return nil
	}
	err := testcontainers.TerminateContainer(c.inner, testcontainers.StopTimeout(0))
	c.inner, c.running = nil, false
	return err
}
