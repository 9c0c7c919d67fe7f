package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// TLSFiles are paths of the files that a connection is secured with; "" for
// none.
type TLSFiles struct {
	// CA has the certificate authorities to trust, in place of the system's.
	CA string
	// Cert and Key are a client certificate and its key.
	Cert, Key string
}

func (f TLSFiles) isZero() bool { return f == TLSFiles{} }

// tlsSettings are the settings of TLSFiles: NAME_CA, NAME_CERT and NAME_KEY.
func tlsSettings(name string, g Group, to field[TLSFiles]) []Setting {
	return []Setting{
		{Name: name + "_CA", Group: g, Usage: "path of a file with the certificate authorities to trust", kind: "file",
			parse: file(func(c *Config) *string { return &to(c).CA }, checkCA)},
		{Name: name + "_CERT", Group: g, Usage: "path of the client certificate; needs " + name + "_KEY", kind: "file",
			parse: file(func(c *Config) *string { return &to(c).Cert }, nil)},
		{Name: name + "_KEY", Group: g, Usage: "path of the client certificate's key", kind: "file", shy: true,
			parse: keyFile(func(c *Config) *string { return &to(c).Key })},
	}
}

// keyFile is the parser of a key's path. It shows no value: one that names no
// file may be a key itself, the vendor's perhaps, which was meant for
// CONOMY_API_KEY.
func keyFile(to field[string]) parser {
	return func(c *Config, raw string) error {
		if _, err := readFile(raw); err != nil {
			return errors.New("is not the path of a readable file; set the path of the PEM file with the key, not a key")
		}
		*to(c) = raw
		return nil
	}
}

func checkCA(data []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return errors.New("the file holds no PEM certificate")
	}
	return nil
}

// checkCertificate checks that a certificate and its key belong together.
func (l *loader) checkCertificate(name string, f TLSFiles) {
	cert, key := name+"_CERT", name+"_KEY"
	if !l.sound(cert, key) {
		return
	}
	switch {
	case f.Cert == "" && f.Key == "":
	case f.Key == "":
		l.fault(cert, "has no key; set "+key+" to the path of the certificate's key")
	case f.Cert == "":
		l.fault(key, "has no certificate; set "+cert+" to the path of the key's certificate")
	default:
		if _, err := tls.LoadX509KeyPair(f.Cert, f.Key); err != nil {
			l.fault(cert, "is no PEM certificate that fits the PEM key in "+key+"; set the paths of a pair")
		}
	}
}

// checkSecured refuses certificates for a connection that uses none: whoever
// sets them takes it to be secured. The connection to NATS is, by their being
// there.
func (l *loader) checkSecured(name string, f TLSFiles, url, scheme, raw string) {
	secured := strings.HasPrefix(raw, scheme+"://")
	for _, file := range []struct{ name, path string }{{name + "_CA", f.CA}, {name + "_CERT", f.Cert}} {
		if !secured && file.path != "" && l.sound(url, file.name) {
			l.fault(file.name, "has no effect, since "+url+" is plain; set it to a "+scheme+":// URL, or unset "+file.name)
			return
		}
	}
}

// secure has c trust the authorities in the files and show their certificate,
// which is read again for each connection, so that a renewed one needs no
// restart.
func (f TLSFiles) secure(name string, c *tls.Config) error {
	if f.CA != "" {
		data, err := readFile(f.CA)
		if err != nil {
			return fmt.Errorf("%s_CA: %w", name, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(data) {
			return fmt.Errorf("%s_CA: the file holds no PEM certificate", name)
		}
	}
	if f.Cert != "" {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
			if err != nil {
				return nil, fmt.Errorf("%s_CERT and %s_KEY are no pair of PEM files any more", name, name)
			}
			return &pair, nil
		}
	}
	return nil
}

// ConomyTLS is how calls to the vendor are secured; nil where no setting says
// anything about it.
func (c *Config) ConomyTLS() (*tls.Config, error) {
	if c.Conomy.TLSFiles.isZero() {
		return nil, nil
	}
	secured := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := c.Conomy.secure("CONOMY", secured); err != nil {
		return nil, err
	}
	return secured, nil
}
