package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/worker/embedded"
)

// A secured is something that the worker connects to over TLS.
type secured struct {
	name, urlSetting string // the settings are NAME_CA, NAME_CERT, NAME_KEY
	// serve starts it and returns its address; plain is without TLS.
	serve func(t *testing.T, a *authority, cert, key string) (url string)
	plain func(t *testing.T) (url string)
	// connect tries to, with what these settings say.
	connect func(t *testing.T, environ map[string]string) error
}

func load(t *testing.T, environ map[string]string, groups ...config.Group) *config.Config {
	t.Helper()
	cfg, err := config.Load(nil, func(name string) (string, bool) { v, ok := environ[name]; return v, ok }, groups...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

var overTLS = []secured{
	{
		name: "NATS", urlSetting: "NATS_URL",
		serve: func(t *testing.T, a *authority, cert, key string) string {
			return "tls://" + hostOf(t, serveNATS(t, &server.Options{TLSConfig: a.demanding(t, cert, key), TLS: true, TLSVerify: true, TLSTimeout: 30}))
		},
		plain: func(t *testing.T) string { return "tls://" + hostOf(t, serveNATS(t, &server.Options{})) },
		connect: func(t *testing.T, environ map[string]string) error {
			nc, _, err := connectNATS(load(t, environ, config.GroupNATS), nats.Timeout(time.Minute)) // on a busy machine, too
			if err == nil {
				err = nc.Flush()
				nc.Close()
			}
			return err
		},
	},
	{
		name: "REDIS", urlSetting: "REDIS_URL",
		serve: func(t *testing.T, a *authority, cert, key string) string {
			return redisOverTLS(serveMiniredis(t, a.demanding(t, cert, key)))
		},
		plain:   func(t *testing.T) string { return redisOverTLS(miniredis.RunT(t).Addr()) },
		connect: connectRedis,
	},
	{name: "REDIS", urlSetting: "REDIS_URL", serve: serveRealRedis, connect: connectRedis},
	{
		name: "CONOMY", urlSetting: "CONOMY_BASE_URL",
		serve: func(t *testing.T, a *authority, cert, key string) string {
			s := httptest.NewUnstartedServer(conomytest.New(conomytest.Options{}))
			s.EnableHTTP2, s.TLS = true, a.demanding(t, cert, key)
			s.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of each client that it refuses
			s.StartTLS()
			t.Cleanup(s.Close)
			return s.URL + "/sandbox"
		},
		plain: func(t *testing.T) string {
			s := httptest.NewServer(conomytest.New(conomytest.Options{}))
			t.Cleanup(s.Close)
			return strings.Replace(s.URL, "http:", "https:", 1) + "/sandbox"
		},
		connect: func(t *testing.T, environ map[string]string) error {
			client, err := newVendor(load(t, environ, config.GroupConomy), 1, nil)
			if err != nil {
				return err
			}
			defer client.Close()
			return client.Authenticate(t.Context())
		},
	},
}

// TestTLS holds each connection to what certificates are for, against servers that want one of their clients.
func TestTLS(t *testing.T) {
	const day = 24 * time.Hour
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	good := map[string]string{"CA": ours.path}
	good["CERT"], good["KEY"] = ours.client(t, day)
	with := func(changes ...string) map[string]string {
		set := map[string]string{"CA": good["CA"], "CERT": good["CERT"], "KEY": good["KEY"]}
		for i := 0; i < len(changes); i += 2 {
			set[changes[i]] = changes[i+1]
		}
		return set
	}
	late, lateKey := ours.client(t, -day)
	foreign, foreignKey := others.client(t, day)
	for i, s := range overTLS {
		t.Run(fmt.Sprintf("%s-%d", s.name, i), func(t *testing.T) {
			serve := func(t *testing.T, host string, until time.Duration) string {
				cert, key := ours.server(t, host, until)
				return s.serve(t, ours, cert, key)
			}
			running := serve(t, "127.0.0.1", day)
			for _, tt := range []struct {
				name  string
				url   func(t *testing.T) string
				files map[string]string
				want  string // in the error; "" for none
			}{
				{"right", nil, with(), ""},
				{"another authority", nil, with("CA", others.path), "set " + s.name + "_CA to the authority"},
				{"the system's authorities", nil, with("CA", ""), "set " + s.name + "_CA to the authority"},
				{"no client certificate", nil, with("CERT", "", "KEY", ""), s.name + "_CERT and " + s.name + "_KEY"},
				{"another authority's client", nil, with("CERT", foreign, "KEY", foreignKey), s.name + "_CERT and " + s.name + "_KEY"},
				{"a client's out of date", nil, with("CERT", late, "KEY", lateKey), s.name + "_CERT and " + s.name + "_KEY"},
				{"the server's out of date", func(t *testing.T) string { return serve(t, "127.0.0.1", -day) }, with(), "must be renewed"},
				{"of another server", func(t *testing.T) string { return serve(t, "other.example", day) }, with(), "set " + s.urlSetting + " to a host name"},
				{"no TLS", s.plain, with(), "TLS"},
			} {
				t.Run(tt.name, func(t *testing.T) {
					at := running
					switch {
					case tt.name == "no TLS" && s.plain == nil:
						t.Skip("the other one speaks for it")
					case tt.url != nil:
						at = tt.url(t)
					}
					err := s.connect(t, environOf(&s, at, tt.files))
					switch {
					case tt.want == "" && err != nil:
						t.Errorf("refused: %v", err)
					case tt.want != "" && err == nil:
						t.Error("it connects")
					case tt.want != "" && !strings.Contains(err.Error(), tt.want):
						t.Errorf("%v\ndoes not say: %s", err, tt.want)
					}
					if err != nil {
						search(t, "the error", err.Error())
					}
				})
			}
		})
	}
}

// environOf are settings with secrets in them that no error may show.
func environOf(s *secured, at string, files map[string]string) map[string]string {
	environ := map[string]string{
		s.urlSetting: at, "NATS_USER": "worker", "NATS_PASSWORD": secrets["NATS password"],
		"CONOMY_API_KEY": secrets["API key"], "CONOMY_CLIENT_ID": secrets["client id"], "CONOMY_CLIENT_SECRET": secrets["client secret"],
		"CONOMY_TIMEOUT": "1m",
	}
	for name, path := range files {
		environ[s.name+"_"+name] = path
	}
	return environ
}

func hostOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func serveNATS(t *testing.T, o *server.Options) (url string) {
	t.Helper()
	o.Host, o.Port, o.NoSigs, o.NoLog = "127.0.0.1", -1, true, true
	o.Username, o.Password = "worker", secrets["NATS password"]
	o.JetStream, o.StoreDir = true, t.TempDir()
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stopServer(s) })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s.ClientURL()
}

func redisOverTLS(addr string) string {
	return (&url.URL{Scheme: "rediss", User: url.UserPassword("", ""), Host: addr, Path: "/0"}).String()
}

func connectRedis(t *testing.T, environ map[string]string) error {
	rdb, err := openRedisReader(t.Context(), load(t, environ, config.GroupRedis))
	if err == nil {
		_ = rdb.Close() // nothing is left to be written
	}
	return err
}

func serveMiniredis(t *testing.T, secured *tls.Config) (addr string) {
	t.Helper()
	s, err := miniredis.RunTLS(secured)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.Addr()
}

// serveRealRedis runs the redis-server of this machine.
func serveRealRedis(t *testing.T, a *authority, cert, key string) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("left out: there is no redis-server here")
	}
	port, err := embedded.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--port", "0", "--tls-port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "",
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", a.path, "--requirepass", secrets["Redis password"])
	said := new(buffer)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	until(t, "redis-server listens", func() bool {
		select {
		case <-ended:
			if strings.Contains(said.String(), "tls-port") {
				t.Skip("left out: this redis-server is built without TLS")
			}
			t.Fatalf("redis-server has ended:\n%s", said)
		default:
		}
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close() // it was only to see
		}
		return err == nil
	})
	return (&url.URL{Scheme: "rediss", User: url.UserPassword("", secrets["Redis password"]), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/0"}).String()
}

// TestTLSRenewed renews the client's certificate under a client that stays.
func TestTLSRenewed(t *testing.T) {
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	cert, key := ours.server(t, "127.0.0.1", time.Hour)
	server := ours.demanding(t, cert, key)
	server.MaxVersion = tls.VersionTLS12 // where a refusal ends the handshake itself
	addr := serveMiniredis(t, server)
	shown, shownKey := others.client(t, time.Hour)
	cfg := load(t, map[string]string{
		"REDIS_URL": redisOverTLS(addr), "REDIS_CA": ours.path, "REDIS_CERT": shown, "REDIS_KEY": shownKey,
	}, config.GroupRedis)
	options, err := cfg.RedisOptions()
	if err != nil {
		t.Fatal(err)
	}
	dial := func() error {
		conn, err := tls.Dial("tcp", addr, options.TLSConfig)
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	if dial() == nil {
		t.Fatal("a certificate of another authority's is taken")
	}
	renewed, renewedKey := ours.client(t, time.Hour)
	for from, to := range map[string]string{renewed: shown, renewedKey: shownKey} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := dial(); err != nil {
		t.Errorf("the renewed certificate is not shown: %v", err)
	}
	if err := os.WriteFile(shownKey, []byte("-"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := dial(); err == nil || !strings.Contains(err.Error(), "REDIS_CERT and REDIS_KEY are no pair of PEM files any more") {
		t.Errorf("with files that are broken: %v", err)
	}
}
