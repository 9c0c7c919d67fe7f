//go:build !unix || aix

package http1

import "net"

// probe cannot ask a socket here, so that no connection is used twice.
type probe struct{}

func newProbe(net.Conn) *probe { return new(probe) }

func (*probe) quiet() bool { return false }
