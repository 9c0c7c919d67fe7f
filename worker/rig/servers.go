package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
)

// Servers are the NATS and the Redis that are worked on.
type Servers struct {
	NATS  *nats.Conn
	Redis redis.UniversalClient
	// Environ is what a process needs to reach them: NATS_URL=…, REDIS_URL=….
	Environ []string
	// Kind says for the report what they are.
	Kind Kind

	children map[string]*Process // by part; none for servers of the user
	dir      string              // of a Redis of our own
}

// Kind says which servers are worked on.
type Kind struct {
	NATS  string `json:"nats"`
	Redis string `json:"redis"`
}

// StartServers starts a NATS server, and the redis-server that is on the PATH or else the one inside the program, each in a
// process of its own.
func StartServers(ctx context.Context, p Program) (_ *Servers, err error) {
	s := &Servers{children: map[string]*Process{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.children[PartNATS], err = Start(PartNATS, p.Part(ctx, PartNATS), true); err != nil {
		return nil, err
	}
	natsURL := s.children[PartNATS].URL()
	redisURL, err := s.startRedis(ctx, p)
	if err != nil {
		return nil, err
	}
	s.Environ = []string{"NATS_URL=" + natsURL, "REDIS_URL=" + redisURL}
	if s.NATS, err = nats.Connect(natsURL); err != nil {
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

func (s *Servers) startRedis(ctx context.Context, p Program) (url string, err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.Kind.Redis = "embedded, in memory (no redis-server on the PATH)"
		s.children[PartRedis], err = Start(PartRedis, p.Part(ctx, PartRedis), true)
		if err != nil {
			return "", err
		}
		return s.children[PartRedis].URL(), nil
	}
	if s.dir, err = os.MkdirTemp("", "linkworker-redis-"); err != nil {
		return "", err
	}
	version, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	s.Kind.Redis = "redis-server " + versionOf(string(version)) + ", append-only file"
	port, err := freePort()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", s.dir, "--appendonly", "yes", "--save", "")
	if s.children[PartRedis], err = Start("redis-server", cmd, false); err != nil {
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

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
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

// own says that the servers are nobody else's.
func (s *Servers) own() bool { return s.children != nil }

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
