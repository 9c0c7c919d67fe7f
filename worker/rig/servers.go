package rig

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/topology"
)

// Servers are the NATS and the Redis that are worked on.
type Servers struct {
	NATS  *nats.Conn
	Redis redis.UniversalClient
	// Environ is what a process needs to reach them: NATS_URL=…, REDIS_URL=….
	Environ []string
	// Kind says for the report what they are.
	Kind Kind

	program  Program
	made     []topology.Object   // by Prepare
	children map[string]*Process // by part; none for servers of the user
	dir      string              // of what the servers keep
	redis    func() *exec.Cmd    // a redis-server; nil: the one inside the program

	natsURL, redisURL string
}

// Kind says which servers are worked on.
type Kind struct {
	NATS  string `json:"nats"`
	Redis string `json:"redis"`
}

// StartServers starts a NATS server, and the redis-server that is on the PATH or else the one inside the program, each in a
// process of its own.
func StartServers(ctx context.Context, p Program) (_ *Servers, err error) {
	s := &Servers{program: p, children: map[string]*Process{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "linkworker-servers-"); err != nil {
		return nil, err
	}
	if err := s.startNATS(ctx, 0); err != nil {
		return nil, err
	}
	natsURL := s.children[PartNATS].URL()
	redisURL, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	s.natsURL, s.redisURL = natsURL, redisURL
	s.Environ = []string{"NATS_URL=" + natsURL, "REDIS_URL=" + redisURL}
	if s.NATS, err = nats.Connect(natsURL, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond)); err != nil {
		return nil, err
	}
	s.Kind.NATS = "embedded " + s.NATS.ConnectedServerVersion()
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, err
	}
	s.Redis = redis.NewClient(options)
	return s, s.waitForRedis(ctx)
}

// URLs are the addresses of servers of our own.
func (s *Servers) URLs() (natsURL, redisURL string) { return s.natsURL, s.redisURL }

func (s *Servers) startNATS(ctx context.Context, port int) (err error) {
	part := s.program.Part(ctx, PartNATS, "--dir", filepath.Join(s.dir, "nats"), "--port", strconv.Itoa(port))
	s.children[PartNATS], err = Start(PartNATS, part, true)
	return err
}

func (s *Servers) startRedis(ctx context.Context) (url string, err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.Kind.Redis = "embedded, in memory (no redis-server on the PATH)"
		if s.children[PartRedis], err = Start(PartRedis, s.program.Part(ctx, PartRedis), true); err != nil {
			return "", err
		}
		return s.children[PartRedis].URL(), nil
	}
	version, err := exec.CommandContext(ctx, path, "--version").Output() // #nosec G204 -- the redis-server that stands on the PATH
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	s.Kind.Redis = "redis-server " + versionOf(string(version)) + ", append-only file"
	port, err := freePort()
	if err != nil {
		return "", err
	}
	s.redis = func() *exec.Cmd {
		return exec.CommandContext(ctx, path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.dir, "--appendonly", "yes", "--save", "") // #nosec G204 -- the redis-server that stands on the PATH
	}
	if s.children[PartRedis], err = Start("redis-server", s.redis(), false); err != nil {
		return "", err
	}
	return fmt.Sprintf("redis://127.0.0.1:%d/0", port), nil
}

// versionOf finds the version in what redis-server says of itself: "Redis server v=7.0.15 sha=…".
func versionOf(text string) string {
	for _, word := range strings.Fields(text) {
		if v, found := strings.CutPrefix(word, "v="); found {
			return v
		}
	}
	return "of unknown version"
}

// freePort is a port from below those that systems give to outgoing connections, so that a server that is away for a moment
// finds it free again.
func freePort() (port int, err error) {
	for range 1000 {
		port = 15000 + rand.IntN(17000) // #nosec G404 -- a port is no secret
		l, listenErr := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if listenErr == nil {
			return port, l.Close()
		}
		err = listenErr
	}
	return 0, err
}

func (s *Servers) waitForRedis(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := s.Redis.Ping(ctx).Err()
		if err == nil {
			return nil
		}
		if dead := s.children[PartRedis].Alive(); dead != nil {
			return dead
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for Redis: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// CPU is the processor time that the servers of our own have used so far.
func (s *Servers) CPU(part string) time.Duration {
	if c := s.children[part]; c != nil {
		used, _ := c.CPU()
		return used
	}
	return 0
}

// Close ends the servers that are our own, and the connections.
func (s *Servers) Close() error {
	if s.NATS != nil {
		s.NATS.Close()
	}
	var errs []error
	if s.Redis != nil {
		errs = append(errs, s.Redis.Close())
	}
	for _, c := range s.children {
		if c != nil {
			errs = append(errs, c.Stop())
		}
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
