package embedded

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are taken from below the ranges that operating systems give to outgoing
// connections (Linux from 32768, others from 49152, RFC 6335). From within such
// a range a stopped server could lose its port to any client, even to one that
// tries to reach that very server and so connects to itself.
const (
	firstPort = 15000
	lastPort  = 32000
)

// given has the ports that this process has handed out.
var given sync.Map

// FreePort returns a TCP port of 127.0.0.1 where nothing listens and that this
// process has not been given before. It stays free for a server that is stopped
// for a while, as far as other programs keep out of the range 15000 to 32000.
func FreePort() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort) // #nosec G404 -- a port is no secret
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		if listener, err := net.Listen("tcp", address(port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port on 127.0.0.1")
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// attempts is how many ports are tried: between finding one free and listening
// there, another process may have taken it.
const attempts = 5

// onFreePort calls start with free ports until one serves, or with port alone
// when that is not 0.
func onFreePort(port int, start func(port int) error) error {
	if port != 0 {
		return start(port)
	}
	var failures []error
	for range attempts {
		port, err := FreePort()
		if err != nil {
			return err
		}
		if err = start(port); err == nil {
			return nil
		}
		failures = append(failures, fmt.Errorf("port %d: %w", port, err))
	}
	return errors.Join(failures...)
}
