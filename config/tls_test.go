package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// certificate makes a self-signed one for 127.0.0.1, good as authority, server
// and client, and returns the paths of it and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

func TestNATSWithClientCertificate(t *testing.T) {
	cert, key := certificate(t)
	serverTLS := func() *server.Options {
		o, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: cert, KeyFile: key, CaFile: cert, Verify: true})
		if err != nil {
			t.Fatal(err)
		}
		o.MinVersion = tls.VersionTLS12
		return &server.Options{TLS: true, TLSVerify: true, TLSConfig: o, TLSTimeout: 5}
	}
	if err := connect(t, serverTLS(), environment{"NATS_CA": cert, "NATS_CERT": cert, "NATS_KEY": key}); err != nil {
		t.Errorf("with authority and certificate: %v", err)
	}
	if err := connect(t, serverTLS(), environment{"NATS_CA": cert}); err == nil {
		t.Error("a client without a certificate connects")
	}
	if err := connect(t, serverTLS(), environment{"NATS_CERT": cert, "NATS_KEY": key}); err == nil {
		t.Error("an authority that is not trusted is trusted")
	}
	other, _ := certificate(t)
	env := environment{"NATS_CERT": other, "NATS_KEY": key}
	if _, err := Load(nil, env.lookup, GroupNATS); err == nil || !strings.Contains(err.Error(), "NATS_CERT (--nats-cert): is no PEM certificate that fits") {
		t.Errorf("a certificate with another's key: %v", err)
	}
}
