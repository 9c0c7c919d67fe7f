package testenv

import (
	"context"
	"sync"
	"testing"

	"github.com/linkworker/linkworker/worker/embedded"
)

// openEmbedded starts servers of the test's own.
func openEmbedded(t *testing.T) *Env {
	t.Helper()
	nats, err := embedded.StartNATS(embedded.NATSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nats.Close(); err != nil {
			t.Error(err)
		}
	})
	redis, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := redis.Close(); err != nil {
			t.Error(err)
		}
	})
	return newEnv(Embedded, &inProcess{restartable: nats, running: true}, &inProcess{restartable: redis, running: true})
}

// restartable is what the embedded servers have in common.
type restartable interface {
	URL() string
	Stop()
	Restart() error
}

// inProcess is an embedded server as a [server].
type inProcess struct {
	restartable
	mu      sync.Mutex
	running bool
}

func (s *inProcess) Stop(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restartable.Stop()
	s.running = false
	return nil
}

func (s *inProcess) Start(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return nil
	}
	err := s.Restart()
	s.running = err == nil
	return err
}
