package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// connect connects with cfg's options to a server that o describes.
func connect(t *testing.T, o *server.Options, env environment) error {
	t.Helper()
	return connectWith(t, o, env, func(nc *nats.Conn) {
		defer nc.Close()
		if nc.Opts.MaxReconnect != -1 || nc.Opts.Name != "linkworker" || !nc.Opts.IgnoreAuthErrorAbort {
			t.Errorf("max reconnects %d, name %q", nc.Opts.MaxReconnect, nc.Opts.Name)
		}
		if err := nc.Flush(); err != nil {
			t.Error(err)
		}
	})
}

// connectWith hands the connection on, or answers why there is none.
func connectWith(t *testing.T, o *server.Options, env environment, use func(*nats.Conn)) error {
	t.Helper()
	o.Host, o.Port, o.NoSigs, o.NoLog = "127.0.0.1", -1, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	cfg, err := Load(nil, env.lookup, GroupNATS)
	if err != nil {
		t.Fatal(err)
	}
	options, err := cfg.NATSOptions()
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(s.ClientURL(), options...)
	if err != nil {
		return err
	}
	use(nc)
	return nil
}

func user(t *testing.T) (pair nkeys.KeyPair, public, seed string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err = pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return pair, public, string(raw)
}

func TestNATSLogins(t *testing.T) {
	_, public, seed := user(t)
	_, _, other := user(t)
	byPassword := func() *server.Options { return &server.Options{Username: "u", Password: "p w"} }
	byKey := func() *server.Options { return &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}} }
	for _, c := range []struct {
		name string
		o    *server.Options
		env  environment
		ok   bool
	}{
		{"no login needed", &server.Options{}, environment{}, true},
		{"user and password", byPassword(), environment{"NATS_USER": "u", "NATS_PASSWORD_FILE": writeFile(t, "p w\n")}, true},
		{"wrong password", byPassword(), environment{"NATS_USER": "u", "NATS_PASSWORD": "x"}, false},
		{"nkey", byKey(), environment{"NATS_NKEY": seed}, true},
		{"nkey with lines around it", byKey(), environment{"NATS_NKEY_FILE": writeFile(t, fmt.Sprintf("-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n", seed))}, true},
		{"other nkey", byKey(), environment{"NATS_NKEY": other}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := connect(t, c.o, c.env); (err == nil) != c.ok {
				t.Errorf("connecting: %v", err)
			}
		})
	}
}

func TestNATSCredentialsFile(t *testing.T) {
	pair, public, _ := user(t)
	claims := jwt.NewUserClaims(public)
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	token, err := claims.Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "user.creds")
	if err := os.WriteFile(path, creds, 0o600); err != nil {
		t.Fatal(err)
	}
	env := environment{"NATS_CREDS": path}
	cfg, err := Load(nil, env.lookup, GroupNATS)
	if err != nil {
		t.Fatal(err)
	}
	options, err := cfg.NATSOptions()
	if err != nil {
		t.Fatal(err)
	}
	var o nats.Options
	for _, option := range options {
		if err := option(&o); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := o.UserJWT(); err != nil || got != token {
		t.Errorf("JWT %q, error %v", got, err)
	}
}

// Answers come to subjects of the user's own, so that it needs no right to hear those of others.
func TestNATSInboxPrefix(t *testing.T) {
	users := func() *server.Options {
		return &server.Options{Users: []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_u.>"}},
		}}}}
	}
	for prefix, want := range map[string]string{"_INBOX_u": "_INBOX_u.", "": "_INBOX."} {
		env := environment{"NATS_USER": "u", "NATS_PASSWORD": "p", "NATS_INBOX_PREFIX": prefix}
		var nc *nats.Conn
		if err := connectWith(t, users(), env, func(c *nats.Conn) { nc = c }); err != nil {
			t.Fatal(err)
		}
		nc.SetErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
		inbox := nc.NewInbox()
		if _, err := nc.SubscribeSync(inbox); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		refused := errors.Is(nc.LastError(), nats.ErrPermissionViolation)
		if !strings.HasPrefix(inbox, want) || refused != (prefix == "") {
			t.Errorf("%q: inbox %s, refused: %t", prefix, inbox, refused)
		}
		nc.Close()
	}
}
