package conomy

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	defaultMaxConns = 64
	maxHeaderBytes  = 256 << 10
)

// newTransport differs from http.DefaultTransport where that one hurts here: it
// keeps two idle connections a host, so that 64 calls at once would dial all the
// time; and it obeys proxy variables, so that credentials would go where a
// variable of the environment says.
func newTransport(maxConns int, secured *tls.Config) *http.Transport {
	if maxConns <= 0 {
		maxConns = defaultMaxConns
	}
	if secured = secured.Clone(); secured == nil {
		secured = new(tls.Config)
	}
	secured.MinVersion = max(secured.MinVersion, tls.VersionTLS12)
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     secured,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// One HTTP/2 connection carries all calls: without pings a dead one
		// would fail them all until the kernel gives it up.
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
		MaxIdleConns:        maxConns,
		MaxIdleConnsPerHost: maxConns,
		// Below the minute after which common load balancers close: a POST that
		// meets the close has an unknown outcome.
		IdleConnTimeout:        50 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// isDialError reports whether there was no connection at all.
func isDialError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
