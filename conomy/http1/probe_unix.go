//go:build unix && !aix

package http1

import (
	"net"
	"syscall"
)

// probe asks a socket what has come on it, without waiting and without taking it.
type probe struct {
	socket  syscall.RawConn
	nothing bool
	look    func(fd uintptr) bool
}

func newProbe(conn net.Conn) *probe {
	p := new(probe)
	if c, ok := conn.(syscall.Conn); ok {
		p.socket, _ = c.SyscallConn()
	}
	p.look = func(fd uintptr) bool {
		var octet [1]byte
		_, _, err := syscall.Recvfrom(int(fd), octet[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		p.nothing = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	}
	return p
}

// quiet reports whether nothing has come: no end, no error, and no answer that
// nobody asked for.
func (p *probe) quiet() bool {
	if p.socket == nil {
		return false
	}
	p.nothing = false
	return p.socket.Read(p.look) == nil && p.nothing
}
