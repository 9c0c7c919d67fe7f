package main

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// sluice stands between a client and NATS. Closed, it lets what the client says pass up to the first that holds its mark,
// and keeps that and all that follows until it is opened.
type sluice struct {
	addr, mark string
	held       chan struct{} // closed when something is held back
	opened     chan struct{}
	hold, open sync.Once
}

func newSluice(t *testing.T, natsURL, mark string) *sluice {
	t.Helper()
	target, err := url.Parse(natsURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sluice{addr: "nats://" + listener.Addr().String(), mark: mark, held: make(chan struct{}), opened: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			running.Go(func() { s.pass(client, target.Host) })
		}
	})
	t.Cleanup(func() {
		s.release()
		_ = listener.Close()
		running.Wait()
	})
	return s
}

func (s *sluice) release() { s.open.Do(func() { close(s.opened) }) }

// pass joins one client with the server until either is gone.
func (s *sluice) pass(client net.Conn, host string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", host)
	if err != nil {
		return // the client finds no server, either
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	var tail []byte // a mark may come in two parts
	for chunk := make([]byte, 1<<16); ; {
		n, err := client.Read(chunk)
		if tail = append(tail, chunk[:n]...); bytes.Contains(tail, []byte(s.mark)) {
			s.hold.Do(func() { close(s.held) })
			<-s.opened
		}
		if _, failed := server.Write(chunk[:n]); err != nil || failed != nil {
			return
		}
		tail = bytes.Clone(tail[max(0, len(tail)-len(s.mark)):])
	}
}
