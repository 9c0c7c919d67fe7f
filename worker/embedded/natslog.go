package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsLog is the server's log: it hands warnings and errors on, and remembers
// the fatal one, which is the only word of the server on why it did not start.
type natsLog struct {
	to *slog.Logger

	once   sync.Once
	failed chan struct{} // closed when fatal is set
	fatal  error
}

var _ server.Logger = (*natsLog)(nil)

func (l *natsLog) Noticef(string, ...any) {}
func (l *natsLog) Debugf(string, ...any)  {}
func (l *natsLog) Tracef(string, ...any)  {}

func (l *natsLog) Warnf(format string, args ...any) {
	if l.to != nil {
		l.to.Warn("nats: " + fmt.Sprintf(format, args...))
	}
}

func (l *natsLog) Errorf(format string, args ...any) {
	if l.to != nil {
		l.to.Error("nats: " + fmt.Sprintf(format, args...))
	}
}

// Fatalf does not end the process, unlike the log of the server's own command.
func (l *natsLog) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	l.once.Do(func() {
		l.fatal = fmt.Errorf(format, args...)
		close(l.failed)
	})
}

// ready waits until clients can connect and JetStream serves.
func (l *natsLog) ready(s *server.Server) error {
	for deadline := time.Now().Add(readyWithin); !s.ReadyForConnections(readyPoll); {
		select {
		case <-l.failed:
			return l.fatal
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready within %s", readyWithin)
		}
	}
	if !s.JetStreamEnabled() {
		return errors.New("JetStream did not start")
	}
	return nil
}
