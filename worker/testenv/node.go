package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tcexec "github.com/testcontainers/testcontainers-go/exec"
	tcnetwork "github.com/testcontainers/testcontainers-go/network"
)

// privateNetwork is a network whose containers have fixed addresses, so that they keep them when they come back.
type privateNetwork struct {
	*testcontainers.DockerNetwork
	subnet netip.Prefix
}

// newPrivateNetwork makes a network. One with a label is for what the containers say to each other.
func newPrivateNetwork(ctx context.Context, label string, g *guard) (*privateNetwork, error) {
	var failures []error
	for range attempts { // another network may have the addresses
		drawn := rand.Uint32()                                                                               // #nosec G404 -- any network will do
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 200 | byte(drawn), byte(drawn >> 8), 0}), 24) // #nosec G115 -- the rest is not used
		options := []tcnetwork.NetworkCustomizer{
			tcnetwork.WithIPAM(&network.IPAM{Driver: "default", Config: []network.IPAMConfig{{Subnet: subnet}}}),
		}
		if label != "" {
			options = append(options, tcnetwork.WithInternal(), tcnetwork.WithLabels(map[string]string{"linkworker.network": label}))
		}
		made, err := tcnetwork.New(ctx, options...)
		if err == nil {
			g.addNetwork(made.ID)
			return &privateNetwork{made, subnet}, nil
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("private network: %w", errors.Join(failures...))
}

// at is the n-th address.
func (n *privateNetwork) at(number int) netip.Addr {
	address := n.subnet.Addr()
	for range number {
		address = address.Next()
	}
	return address
}

// node is a container of a cluster.
type node struct {
	name, image string
	address     netip.Addr
	peer        string // its name among the peers; "" is on their network not
	peerAddress netip.Addr
	files       []string // of deploy/cluster
	entrypoint  []string
	command     []string
	environ     map[string]string
}

// nodes are those that have been made.
type nodes struct {
	mu   sync.Mutex
	made map[string]*testcontainers.DockerContainer
}

// node starts one.
func (c *Cluster) node(ctx context.Context, n *node) error {
	options := []testcontainers.ContainerCustomizer{
		testcontainers.WithEnv(n.environ),
		testcontainers.WithLabels(map[string]string{"linkworker.node": c.name + "." + n.name}),
		tcnetwork.WithNetwork([]string{n.name}, c.clients.DockerNetwork),
		testcontainers.WithEndpointSettingsModifier(func(settings map[string]*network.EndpointSettings) {
			settings[c.clients.Name].IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: n.address}
		}),
	}
	if len(n.entrypoint) > 0 {
		options = append(options, testcontainers.WithEntrypoint(n.entrypoint...))
	}
	if len(n.command) > 0 {
		options = append(options, testcontainers.WithCmd(n.command...))
	}
	for _, name := range n.files {
		options = append(options, testcontainers.WithFiles(testcontainers.ContainerFile{
			HostFilePath: filepath.Join(c.files, name), ContainerFilePath: configDir + "/" + name, FileMode: 0o644,
		}))
	}
	if n.peer != "" {
		options = append(options, testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostCreates: []testcontainers.ContainerHook{func(ctx context.Context, made testcontainers.Container) error {
				return c.peers.connect(ctx, made.GetContainerID(), n.peer, n.peerAddress)
			}},
		}))
	}
	made, err := testcontainers.Run(ctx, n.image, options...)
	if made != nil {
		c.guard.add(made.GetContainerID())
		c.nodes.add(n.name, made)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	return nil
}

func (n *privateNetwork) connect(ctx context.Context, container, name string, address netip.Addr) error {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return err
	}
	_, err = docker.NetworkConnect(ctx, n.ID, client.NetworkConnectOptions{Container: container, EndpointConfig: &network.EndpointSettings{
		Aliases: []string{name}, IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: address},
	}})
	return errors.Join(err, docker.Close())
}

func (s *nodes) add(name string, made *testcontainers.DockerContainer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = map[string]*testcontainers.DockerContainer{}
	}
	s.made[name] = made
}

// exec runs a command in a node until it succeeds: the servers may not be up yet.
func (s *nodes) exec(ctx context.Context, name string, command []string) error {
	s.mu.Lock()
	made := s.made[name]
	s.mu.Unlock()
	return await(ctx, func() error {
		code, out, err := made.Exec(ctx, command, tcexec.Multiplexed())
		if err != nil || code == 0 {
			return err
		}
		said, _ := io.ReadAll(out) // for the error alone
		return fmt.Errorf("%v: exit code %d: %s", command, code, said)
	})
}

// terminate removes the containers and the networks.
func (c *Cluster) terminate() error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	errs := make(chan error, len(c.nodes.made))
	for _, made := range c.nodes.made {
		go func() { errs <- testcontainers.TerminateContainer(made, testcontainers.StopTimeout(0)) }()
	}
	var all []error
	for range c.nodes.made {
		all = append(all, <-errs)
	}
	for _, n := range []*privateNetwork{c.clients, c.peers} {
		if n != nil {
			all = append(all, n.Remove(ctx))
		}
	}
	err := errors.Join(all...)
	c.guard.end(err == nil)
	return err
}

// reachable says whether a container is reached by its own address: on Linux, and not where Docker runs in a machine of its
// own.
func reachable(ctx context.Context, address netip.Addr, port string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	target := net.JoinHostPort(address.String(), port)
	err := await(ctx, func() error {
		dialer := net.Dialer{Timeout: time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", target)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		return fmt.Errorf("a container is not reached by its address %s: %w", target, err)
	}
	return nil
}
