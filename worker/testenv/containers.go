package testenv

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"golang.org/x/sync/errgroup"
)

// What the containers are made of: the images of docker-compose.yml, set up
// alike but for the volumes.
const (
	natsImage  = "nats:2.15-alpine"
	redisImage = "redis:7-alpine"
)

var (
	natsCommand  = []string{"-js", "-sd", "/data"}
	redisCommand = []string{"--appendonly", "yes", "--maxmemory-policy", "noeviction"}
)

// startWithin bounds the start of the containers, a download of their images
// included.
const startWithin = 5 * time.Minute

// containerPair is the containers of a test binary.
type containerPair struct {
	nats, redis *container
	guard       *guard
}

var (
	sharedOnce sync.Once
	sharedPair *containerPair
	errShared  error
)

// shared starts the containers at its first call. The error says why there are
// none.
func shared() (*containerPair, error) {
	sharedOnce.Do(func() { sharedPair, errShared = startPair() })
	return sharedPair, errShared
}

func startPair() (_ *containerPair, err error) {
	// testcontainers panics where it finds no Docker socket.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("no Docker: %v", r)
		}
	}()
	tclog.SetDefault(tclog.NewNoopLogger())
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	p := &containerPair{
		nats:  &container{scheme: "nats", port: "4222", ask: askNATS},
		redis: &container{scheme: "redis", port: "6379", path: "/0", ask: askRedis},
		guard: startGuard(),
	}
	hosts, err := daemonHosts(ctx)
	if err != nil {
		p.guard.end(true)
		return nil, err
	}
	var both errgroup.Group
	both.Go(func() error { return p.nats.create(ctx, p.guard, hosts, natsImage, natsCommand) })
	both.Go(func() error { return p.redis.create(ctx, p.guard, hosts, redisImage, redisCommand) })
	if err := both.Wait(); err != nil {
		return nil, errors.Join(err, p.terminate())
	}
	return p, nil
}

// daemonHosts is where the published ports of containers may be: on this
// machine, and where testcontainers thinks, which wrongly takes some machines
// for containers beside the others.
func daemonHosts(ctx context.Context) ([]string, error) {
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return nil, fmt.Errorf("no Docker: %w", err)
	}
	// Nothing hangs on how its connection to Docker ends.
	defer func() { _ = provider.Close() }()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := provider.Health(ctx); err != nil {
		return nil, fmt.Errorf("no Docker: %w", err)
	}
	host, err := provider.DaemonHost(ctx)
	if err != nil {
		return nil, fmt.Errorf("no Docker: %w", err)
	}
	if host == localhost {
		return []string{localhost}, nil
	}
	return []string{localhost, host}, nil
}

// reset starts what a test left stopped and empties both servers.
func (p *containerPair) reset(ctx context.Context) error {
	if err := errors.Join(p.nats.Start(ctx), p.redis.Start(ctx)); err != nil {
		return err
	}
	return errors.Join(deleteStreams(ctx, p.nats.URL()), flush(ctx, p.redis.URL()))
}

// terminate removes the containers and their volumes.
func (p *containerPair) terminate() error {
	var natsErr, redisErr error
	var both sync.WaitGroup
	both.Go(func() { natsErr = p.nats.terminate() })
	both.Go(func() { redisErr = p.redis.terminate() })
	both.Wait()
	err := errors.Join(natsErr, redisErr)
	p.guard.end(err == nil)
	return err
}
