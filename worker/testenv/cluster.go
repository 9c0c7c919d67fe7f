package testenv

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tclog "github.com/testcontainers/testcontainers-go/log"
	"golang.org/x/sync/errgroup"
)

// Replication says how a cluster's Redis is replicated.
type Replication string

// The ways.
const (
	// Sentinels watch over a primary with one replica.
	Sentinels Replication = "sentinels"
	// Shards are a Redis Cluster: three primaries, each with a replica.
	Shards Replication = "shards"
)

// Cluster is three NATS servers, and Redis with replicas, in containers on a private network of their own, set up by the files
// of deploy/cluster.
type Cluster struct {
	NATSURL, RedisURL string
	// Environ is what deploy/cluster/strike needs to find it.
	Environ []string

	name           string
	files          string // the directory deploy/cluster
	clients, peers *privateNetwork
	guard          *guard
	nodes          *nodes
}

var (
	// ranClusters counts the tests on clusters, and askedClusters those that were to be.
	ranClusters, askedClusters atomic.Int64
	// errClusters is why there were none.
	errClusters atomic.Pointer[string]
)

// clusterWithin bounds the start of a cluster, elections on a busy machine included.
const clusterWithin = 5 * time.Minute

// StartCluster starts a cluster that ends with the test. files is where deploy/cluster is. Without Docker, or where Docker's
// containers cannot be reached by their addresses, the test is skipped, or fails where containers are required.
func StartCluster(t *testing.T, files string, redis Replication) *Cluster {
	t.Helper()
	askedClusters.Add(1)
	if mode := os.Getenv(switchVariable); mode == switchOff {
		t.Skipf("left out: the run on a cluster, as %s=%s says", switchVariable, mode)
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterWithin)
	defer cancel()
	tclog.SetDefault(tclog.NewNoopLogger())
	c := &Cluster{files: files, guard: startGuard(), nodes: new(nodes)}
	t.Cleanup(func() {
		if err := c.terminate(); err != nil {
			t.Error(err)
		}
	})
	if err := canCluster(ctx); err != nil {
		leaveOut(t, err)
	}
	if err := c.start(ctx, redis); err != nil {
		t.Fatal(err)
	}
	if err := reachable(ctx, c.clients.at(natsFrom+1), "4222"); err != nil {
		leaveOut(t, err)
	}
	if err := c.strike(ctx, "all-well"); err != nil {
		t.Fatal(err)
	}
	ranClusters.Add(1)
	return c
}

// leaveOut ends a test that cannot be run here.
func leaveOut(t *testing.T, err error) {
	t.Helper()
	why := oneLine(err.Error())
	errClusters.Store(&why)
	if os.Getenv(switchVariable) == switchRequire {
		t.Fatalf("%s=%s: %v", switchVariable, switchRequire, err)
	}
	t.Skipf("left out: the run on a cluster: %v", err)
}

// canCluster says what is missing.
func canCluster(ctx context.Context) (err error) {
	// testcontainers panics where it finds no Docker socket.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("no Docker: %v", r)
		}
	}()
	for _, program := range []string{"docker", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("deploy/cluster/strike needs it: %w", err)
		}
	}
	_, err = daemonHosts(ctx)
	return err
}

// Where the nodes are on their networks; the first of a kind is one further.
const (
	redisFrom    = 10
	sentinelFrom = 20
	natsFrom     = 30
)

func (c *Cluster) start(ctx context.Context, redis Replication) (err error) {
	if c.clients, err = newPrivateNetwork(ctx, "", c.guard); err != nil {
		return err
	}
	c.name = c.clients.Name
	c.Environ = []string{"CLUSTER=" + c.name}
	if c.peers, err = newPrivateNetwork(ctx, c.name+".peers", c.guard); err != nil {
		return err
	}
	var all errgroup.Group
	all.Go(func() error { return c.startNATS(ctx) })
	all.Go(func() error {
		if redis == Shards {
			return c.startShards(ctx)
		}
		return c.startSentinels(ctx)
	})
	return all.Wait()
}

func (c *Cluster) startNATS(ctx context.Context) error {
	var all errgroup.Group
	var urls []string
	for i := 1; i <= 3; i++ {
		address := c.clients.at(natsFrom + i)
		urls = append(urls, "nats://"+netip.AddrPortFrom(address, 4222).String())
		all.Go(func() error {
			return c.node(ctx, &node{
				name: fmt.Sprintf("nats-%d", i), image: natsImage, address: address, peer: fmt.Sprintf("peer-%d", i), peerAddress: c.peers.at(natsFrom + i),
				files: []string{"nats.conf"}, command: []string{"--config", configDir + "/nats.conf"},
				environ: map[string]string{"NATS_NAME": fmt.Sprintf("nats-%d", i), "NATS_ADVERTISE": netip.AddrPortFrom(address, 4222).String()},
			})
		})
	}
	c.NATSURL = strings.Join(urls, ",")
	return all.Wait()
}

// failover is how soon a failover begins, and how long it may take: sooner than in earnest.
var failover = map[string]string{"DOWN_AFTER": "2000", "FAILOVER_TIMEOUT": "10000"}

func (c *Cluster) startSentinels(ctx context.Context) error {
	primary := c.clients.at(redisFrom + 1)
	for i := 1; i <= 2; i++ {
		environ := map[string]string{}
		if i > 1 {
			environ["REPLICA_OF"] = primary.String() + " 6379"
		}
		err := c.node(ctx, &node{
			name: fmt.Sprintf("redis-%d", i), image: redisImage, address: c.clients.at(redisFrom + i), environ: environ,
			files: []string{"redis.conf", "start-redis"}, entrypoint: []string{"/bin/sh", configDir + "/start-redis"},
		})
		if err != nil {
			return err
		}
	}
	var all errgroup.Group
	var addresses []string
	for i := 1; i <= 3; i++ {
		address := c.clients.at(sentinelFrom + i)
		addresses = append(addresses, netip.AddrPortFrom(address, 26379).String())
		environ := map[string]string{"PRIMARY": primary.String()}
		for name, value := range failover {
			environ[name] = value
		}
		all.Go(func() error {
			return c.node(ctx, &node{
				name: fmt.Sprintf("sentinel-%d", i), image: redisImage, address: address, environ: environ,
				files: []string{"sentinel.conf", "start-sentinel"}, entrypoint: []string{"/bin/sh", configDir + "/start-sentinel"},
			})
		})
	}
	c.RedisURL = "redis://" + strings.Join(addresses, ",") + "/0?master_name=linkworker"
	return all.Wait()
}

func (c *Cluster) startShards(ctx context.Context) error {
	var all errgroup.Group
	var addresses []string
	for i := 1; i <= 6; i++ {
		address := c.clients.at(redisFrom + i)
		addresses = append(addresses, netip.AddrPortFrom(address, 6379).String())
		all.Go(func() error {
			name := fmt.Sprintf("redis-%d", i)
			err := c.node(ctx, &node{
				name: name, image: redisImage, address: address,
				files: []string{"redis-cluster.conf"}, command: []string{"redis-server", configDir + "/redis-cluster.conf"},
			})
			if err != nil {
				return err
			}
			return c.nodes.exec(ctx, name, []string{"redis-cli", "ping"})
		})
	}
	c.RedisURL = "redis://" + strings.Join(addresses, ",")
	if err := all.Wait(); err != nil {
		return err
	}
	create := append([]string{"redis-cli", "--cluster", "create", "--cluster-replicas", "1", "--cluster-yes"}, addresses...)
	return c.nodes.exec(ctx, "redis-1", create)
}

// strike lets deploy/cluster/strike do something.
func (c *Cluster) strike(ctx context.Context, what string) error {
	command := exec.CommandContext(ctx, filepath.Join(c.files, "strike"), what) // #nosec G204 -- the repository's own
	command.Env = append(os.Environ(), c.Environ...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("strike %s: %w: %s", what, err, out)
	}
	return nil
}
