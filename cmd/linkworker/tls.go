package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
)

// mendOfTLS says what to mend where a connection over TLS fails for its certificates: name begins the settings of its
// files, url is the one of its address. It is "" where that is not why it fails.
func mendOfTLS(err error, name, url string) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	text := err.Error()
	switch {
	case errors.As(err, &authority):
		return "set " + name + "_CA to the authority that has signed the server's certificate"
	case errors.As(err, &host):
		return "set " + url + " to a host name that the server's certificate has"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate must be renewed, or this machine's clock set"
	case errors.As(err, &plain), errors.Is(err, nats.ErrSecureConnWanted):
		return "the server speaks no TLS there; is the port in " + url + " right?"
	// From TLS 1.3 on a server judges our certificate when the handshake is over for us, and its last word may be lost.
	case strings.Contains(text, "remote error: tls: "), strings.Contains(text, "closed by remote after TLS handshake"):
		return "set " + name + "_CERT and " + name + "_KEY to a client certificate that the server takes"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.HasPrefix(text, "http2: client conn"):
		return "the server closes it; is the port in " + url + " for TLS, and does it take " + name + "_CERT and " + name + "_KEY?"
	}
	return ""
}
