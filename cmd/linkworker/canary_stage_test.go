package main

import (
	"fmt"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
)

// canaryStage is servers that want passwords, and a vendor that repeats all it hears.
type canaryStage struct {
	*outside
	echo      *echo
	redis     *miniredis.Miniredis
	admin     string
	published int
}

func newCanaryStage(t *testing.T) *canaryStage {
	t.Helper()
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Username: "worker", Password: secrets["NATS password"],
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { stopServer(ns) })
	rs := miniredis.RunT(t)
	rs.RequireUserAuth("worker", secrets["Redis password"])
	login := func(scheme, addr, password string) string {
		return (&url.URL{Scheme: scheme, User: url.UserPassword("worker", password), Host: addr}).String()
	}
	s := &canaryStage{
		outside: &outside{t: t, vendor: conomytest.New(conomytest.Options{AccessToken: secrets["access token"]})},
		redis:   rs, admin: freeAddress(t),
	}
	s.echo = &echo{vendor: s.vendor}
	vendor := httptest.NewServer(s.echo)
	t.Cleanup(vendor.Close)
	natsURL := login("nats", ns.Addr().String(), secrets["NATS password"])
	nc, err := nats.Connect(natsURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if s.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	s.environ = append(os.Environ(), "NATS_URL="+natsURL, "REDIS_URL="+login("redis", rs.Addr(), secrets["Redis password"]),
		"CONOMY_BASE_URL="+vendor.URL+"/sandbox", "CONOMY_API_KEY="+secrets["API key"], "CONOMY_CLIENT_ID="+secrets["client id"],
		"CONOMY_CLIENT_SECRET_FILE="+s.file("secret", secrets["client secret"]),
		"MERCHANT_OWNER_IDENTITY_ID=owner-1", "MERCHANT_ACCOUNT_NUMBER=acc-1", "MERCHANT_PAYMENT_METHODS=CARD",
		"ACK_WAIT=2s", "CLAIM_TTL=2s", "RETRY_INITIAL=10ms", "RETRY_MAX=20ms", "RETRY_ATTEMPTS=2", "SESSION_WAIT=100ms",
		"LOG_LEVEL=debug", "LOG_FORMAT=json", "GOTRACEBACK=all", "ADMIN_ADDR="+s.admin,
	)
	return s
}

func (s *canaryStage) file(name, content string) string {
	path := filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// freeAddress is one that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// faultyEnvironments are settings that are wrong in ways in which people get secrets wrong. Each wins over what is before.
func (s *canaryStage) faultyEnvironments() map[string][]string {
	wrong, token := secrets["another password"], secrets["access token"]
	return map[string][]string{
		"a wrong password of NATS":     {"NATS_URL=" + strings.Replace(s.value("NATS_URL"), url.QueryEscape(secrets["NATS password"]), wrong, 1)},
		"a wrong password of Redis":    {"REDIS_URL=" + strings.Replace(s.value("REDIS_URL"), url.QueryEscape(secrets["Redis password"]), wrong, 1)},
		"passwords that are not coded": {"NATS_URL=nats://worker:" + secrets["NATS password"] + "@127.0.0.1:1", "REDIS_URL=redis://worker:" + secrets["Redis password"] + "@127.0.0.1:1"},
		"no scheme":                    {"NATS_URL=worker:" + wrong + "@127.0.0.1", "REDIS_URL=worker:" + wrong + "@127.0.0.1"},
		"a scheme of another":          {"NATS_URL=http://worker:" + wrong + "@127.0.0.1", "REDIS_URL=https://worker:" + wrong + "@127.0.0.1", "CONOMY_BASE_URL=https://u:" + wrong + "@a.example"},
		"hosts that are not":           {"NATS_URL=nats://worker:" + wrong + "@no.such.host.invalid:4222", "REDIS_URL=redis://worker:" + wrong + "@no.such.host.invalid:6379"},
		"ports that are not":           {"NATS_URL=nats://worker:" + wrong + "@127.0.0.1:99999", "REDIS_URL=redis://:" + wrong + "@127.0.0.1:port"},
		"a token for a user":           {"NATS_URL=nats://" + token + "@127.0.0.1:1"},
		"options":                      {"REDIS_URL=redis://127.0.0.1:1/0?password=" + wrong + "&username=" + wrong + "&nothing=" + token},
		"a query where there is none":  {"CONOMY_BASE_URL=https://a.example/?key=" + wrong, "CONOMY_CHECKOUT_URL=https://a.example/#" + wrong},
		"secrets with words before":    {"CONOMY_API_KEY=Bearer " + wrong, "CONOMY_ACCESS_TOKEN=Bearer " + token, "NATS_NKEY=" + wrong},
		"secrets with line breaks":     {"CONOMY_API_KEY=" + wrong + "\n" + token, "CONOMY_CLIENT_ID=" + token + "\x01"},
		"secrets in the wrong place":   {"CONOMY_CLIENT_SECRET=" + wrong, "CONOMY_API_KEY_FILE=" + s.file("key", token)},
		"secrets for paths":            {"NATS_KEY=" + wrong, "REDIS_KEY=" + wrong, "CONOMY_KEY=" + token},
		"names that are almost right":  {"CONOMY_APIKEY=" + wrong, "CONOMY_ACCESS_TOKN=" + token, "NATS_PASWORD=" + wrong},
		"a ready-made token":           {"CONOMY_ACCESS_TOKEN=" + token, "NATS_PASSWORD=" + wrong, "NATS_USER=worker"},
	}
}

func (s *canaryStage) value(name string) string {
	value, _ := (&app{environ: s.environ}).lookup(name)
	return value
}

// searchRedis looks at all that Redis keeps.
func (s *canaryStage) searchRedis() {
	s.t.Helper()
	search(s.t, "Redis", fmt.Sprint(s.redis.Keys(), s.redis.Dump()))
}
