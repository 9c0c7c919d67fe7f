package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/config"
)

// connectNATS connects to the NATS server of cfg, or fails at once. Further
// options win over those of cfg.
func connectNATS(cfg *config.Config, more ...nats.Option) (*nats.Conn, jetstream.JetStream, error) {
	options, err := cfg.NATSOptions()
	if err != nil {
		return nil, nil, err
	}
	nc, err := nats.Connect(cfg.NATS.URL.Reveal(), append(options, more...)...)
	if err != nil {
		return nil, nil, natsError(cfg, err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, js, nil
}

// natsFault tells of an error of the connection.
func (a *app) natsFault(err error) { a.sayf("NATS reports an error: %v", err) }

// natsError says what to mend when there is no connection.
func natsError(cfg *config.Config, err error) error {
	mend := "is the server up? set NATS_URL to its address"
	// A server may want TLS where the address does not say so.
	if strings.HasPrefix(cfg.NATS.URL.Reveal(), "tls:") || cfg.NATS.TLSFiles != (config.TLSFiles{}) || strings.Contains(err.Error(), "tls: ") {
		mend = cmp.Or(mendOfTLS(err, "NATS", "NATS_URL"), mend)
	}
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) {
		mend = "set NATS_CREDS, NATS_NKEY_FILE, or NATS_USER and NATS_PASSWORD_FILE"
	}
	return fmt.Errorf("connecting to NATS at %s: %w; %s", cfg.NATS.URL, err, mend)
}

// streamError says what to mend when no stream carries a subject.
func streamError(subject string, err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("no stream carries %s; make it with linkworker provision, or start linkworker run once", subject)
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		// What is published says no more than that nobody took it: a cluster that is electing a leader looks the same.
		return fmt.Errorf("no stream carries %s; make it with linkworker provision, or start linkworker run once; "+
			"where a cluster has it, a leader is being elected: try again", subject)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("the NATS server has no JetStream for this account; enable it: %w", err)
	}
	return err
}
