package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// readyWithin bounds how long a server may take until clients can connect.
	readyWithin = 30 * time.Second
	// readyPoll is how often a failed start is looked for meanwhile.
	readyPoll = 100 * time.Millisecond
)

// NATSOptions says how a NATS server is run. The zero value is good.
type NATSOptions struct {
	// Dir is where JetStream keeps its files. Empty: a temporary directory that
	// Close removes.
	Dir string
	// Port to listen on; 0: a free one.
	Port int
	// MaxPayload is the largest message in bytes; 0: the server's default, 1 MiB.
	MaxPayload int32
	// SyncAlways makes the server answer a publish only when it is on disk:
	// slower, and safe against a loss of power.
	SyncAlways bool
	// ConfigFile is one of the NATS server's own, for what is not said here, such as
	// users. Address, store and limits of JetStream are those of these options.
	ConfigFile string
	// Logger gets the server's warnings and errors; nil: nobody does.
	Logger *slog.Logger
}

// NATS is a NATS server with JetStream in this process.
type NATS struct {
	opts NATSOptions
	temp string // the directory to remove at the end, or ""
	url  string

	mu     sync.Mutex
	server *server.Server // nil: stopped
	closed bool
}

// StartNATS starts a NATS server with JetStream on 127.0.0.1 and returns when
// clients can connect. It installs no signal handlers.
func StartNATS(opts NATSOptions) (*NATS, error) {
	n := &NATS{opts: opts}
	if opts.Dir == "" {
		dir, err := os.MkdirTemp("", "linkworker-nats-")
		if err != nil {
			return nil, fmt.Errorf("embedded NATS server: %w", err)
		}
		n.temp, n.opts.Dir = dir, dir
	}
	err := onFreePort(opts.Port, func(port int) error {
		n.opts.Port = port
		return n.start()
	})
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.url = "nats://" + address(n.opts.Port)
	return n, nil
}

// URL is where clients connect; a restart does not change it.
func (n *NATS) URL() string { return n.url }

// Dir is where JetStream keeps its files.
func (n *NATS) Dir() string { return n.opts.Dir }

// Stop ends the server and returns when it has ended. Its files stay.
func (n *NATS) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stop()
}

// Restart stops the server where it runs, and starts it again at the same
// address with the same files.
func (n *NATS) Restart() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errors.New("embedded NATS server: closed")
	}
	n.stop()
	return n.start()
}

// Close stops the server for good and removes its temporary directory.
func (n *NATS) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.stop()
	if n.temp == "" {
		return nil
	}
	return os.RemoveAll(n.temp)
}

func (n *NATS) stop() {
	if n.server == nil {
		return
	}
	n.server.Shutdown()
	n.server.WaitForShutdown()
	n.server = nil
}

func (n *NATS) start() error {
	opts := new(server.Options)
	if n.opts.ConfigFile != "" {
		var err error
		if opts, err = server.ProcessConfigFile(n.opts.ConfigFile); err != nil {
			return fmt.Errorf("embedded NATS server: %w", err)
		}
	}
	opts.ServerName, opts.Host, opts.Port, opts.HTTPPort = "linkworker-embedded", "127.0.0.1", n.opts.Port, 0
	opts.JetStream, opts.StoreDir = true, n.opts.Dir
	opts.MaxPayload, opts.SyncAlways = n.opts.MaxPayload, n.opts.SyncAlways
	opts.NoSigs, opts.DisableJetStreamBanner = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	log := &natsLog{to: n.opts.Logger, failed: make(chan struct{})}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	if err := log.ready(s); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	n.server = s
	return nil
}
