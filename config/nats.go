package config

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// pingEvery is how often the server is asked whether it is still there. Two
// questions without an answer end the connection: a machine that has lost its
// power, or its network, closes none.
const pingEvery = 10 * time.Second

// NATSOptions returns options for [nats.Connect]: how to authenticate, what to
// trust, and to reconnect for ever, also while the server refuses the
// credentials. Credentials files are read again at each reconnect.
//
// The first connection still fails at once; add [nats.RetryOnFailedConnect] to
// wait for a server that is not up yet.
func (c *Config) NATSOptions() ([]nats.Option, error) {
	n := c.NATS
	options := []nats.Option{
		nats.Name("linkworker"),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingEvery),
	}
	if n.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(n.InboxPrefix))
	}
	if n.CA != "" {
		options = append(options, nats.RootCAs(n.CA))
	}
	if n.Cert != "" {
		options = append(options, nats.ClientCert(n.Cert, n.Key))
	}
	switch {
	case n.Creds != "":
		options = append(options, nats.UserCredentials(n.Creds))
	case !n.NKey.IsZero():
		option, err := nkeyOption(n.NKey)
		if err != nil {
			return nil, err
		}
		options = append(options, option)
	case n.User != "":
		options = append(options, nats.UserInfo(n.User, n.Password.Reveal()))
	}
	return options, nil
}

func nkeyOption(seed Secret) (nats.Option, error) {
	pair, err := nkeys.ParseDecoratedUserNKey([]byte(seed.Reveal()))
	if err != nil {
		return nil, errors.New("NATS_NKEY: not the seed of a user nkey")
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, errors.New("NATS_NKEY: has no public key")
	}
	return nats.Nkey(public, pair.Sign), nil
}
