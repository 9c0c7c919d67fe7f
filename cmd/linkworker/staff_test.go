package main

import (
	"context"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/worker/testenv"
)

const (
	natsConfPath  = repository + "/deploy/nats.conf"
	natsUsersPath = repository + "/deploy/nats-users.conf"
)

// roles are the users of deploy/nats-users.conf.
var roles = []string{"producer", "notifier", "worker", "operator", "reader"}

// permissions reads the file as a NATS server does.
func permissions(t *testing.T) map[string]*server.Permissions {
	t.Helper()
	for _, role := range roles {
		t.Setenv(passwordVariable(role), "x")
	}
	options, err := server.ProcessConfigFile(natsUsersPath)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*server.Permissions{}
	for _, user := range options.Users {
		found[user.Username] = user.Permissions
	}
	if got, want := slices.Sorted(maps.Keys(found)), slices.Sorted(slices.Values(roles)); !slices.Equal(got, want) {
		t.Fatalf("users %v, want %v", got, want)
	}
	return found
}

func passwordVariable(role string) string { return "NATS_" + strings.ToUpper(role) + "_PASSWORD" }

// natsConfig is deploy/nats.conf with its users, and beside them "admin", who may do everything and watches.
func natsConfig(t *testing.T) testenv.Config {
	t.Helper()
	replaced := func(path, old, new string) string {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(data), old) != 1 {
			t.Fatalf("%s has no single %q", path, old)
		}
		return strings.Replace(string(data), old, new, 1)
	}
	c := testenv.Config{Main: "nats.conf", Files: map[string]string{
		"nats.conf":       replaced(natsConfPath, "\n# include nats-users.conf", "\ninclude nats-users.conf"),
		"nats-users.conf": replaced(natsUsersPath, "users: [", "users: [\n    {user: admin, password: $NATS_ADMIN_PASSWORD}"),
	}, Environ: map[string]string{}}
	for _, role := range append([]string{"admin"}, roles...) {
		c.Environ[passwordVariable(role)] = role + "-secret"
	}
	c.Ask = func(ctx context.Context, address string) error {
		nc, err := nats.Connect(asAdmin(address))
		if err != nil {
			return err
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		_, err = js.AccountInfo(ctx)
		return err
	}
	return c
}

func asAdmin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.User = url.UserPassword("admin", "admin-secret")
	return u.String()
}

// staff is all that there is where each has only the rights of deploy/nats-users.conf; the observer is the admin.
type staff struct {
	*clinic
	plain []string // the environment without a user
	mu    sync.Mutex
	asked map[string]map[string]bool // what each user published to
}

func newStaff(t *testing.T, env *testenv.Env, options conomytest.Options) *staff {
	t.Helper()
	own := *env
	address := env.NATSWith(t, natsConfig(t))
	own.NATSURL = asAdmin(address)
	s := &staff{clinic: &clinic{outside: newOutside(t, &own, options), env: &own}, asked: map[string]map[string]bool{}}
	s.plain = append(s.environ, "NATS_URL="+address)
	s.environ = s.as("worker")
	s.watch()
	return s
}

// as is the environment of a user.
func (s *staff) as(role string) []string {
	return append(slices.Clip(s.plain), "NATS_USER="+role, "NATS_PASSWORD="+role+"-secret", "NATS_INBOX_PREFIX=_INBOX_"+role)
}

var (
	inboxOwner = regexp.MustCompile(`^_INBOX_([a-z]+)\.`)
	ackOwners  = map[string]string{"$JS.ACK.LINKS.": "notifier", "$JS.ACK.BILLING.": "worker"}
)

// watch notes who publishes to what: the place of the answer says who asks, and an acknowledgement whose it is.
func (s *staff) watch() {
	s.t.Helper()
	nc := s.js.Conn()
	_, err := nc.Subscribe(">", func(msg *nats.Msg) {
		if m := inboxOwner.FindStringSubmatch(msg.Reply); m != nil {
			s.note(m[1], msg.Subject)
		}
		for prefix, owner := range ackOwners {
			if strings.HasPrefix(msg.Subject, prefix) {
				s.note(owner, msg.Subject)
			}
		}
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *staff) note(user, subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked[user] == nil {
		s.asked[user] = map[string]bool{}
	}
	s.asked[user][subject] = true
}

// unused lists those of the user's rights to publish that it has not used.
func (s *staff) unused(role string, allowed []string) (unused []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pattern := range allowed {
		used := false
		for subject := range s.asked[role] {
			used = used || server.SubjectMatchesFilter(subject, pattern)
		}
		if !used {
			unused = append(unused, pattern)
		}
	}
	return unused
}

// ran is a command that has ended.
type ran struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// run runs a command as a user, with something on its standard input.
func (s *staff) run(role, stdin string, args ...string) ran {
	s.t.Helper()
	return s.runWith(s.as(role), stdin, args...)
}

func (s *staff) runWith(environ []string, stdin string, args ...string) ran {
	s.t.Helper()
	var out, errs buffer
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	begun := time.Now()
	code := run(ctx, args, environ, strings.NewReader(stdin), &out, &errs)
	return ran{code, out.String(), errs.String(), time.Since(begun)}
}

// can runs a command that the user may run, and returns what it printed.
func (s *staff) can(role, stdin string, args ...string) string {
	s.t.Helper()
	r := s.run(role, stdin, args...)
	if r.code != exitDone {
		s.t.Fatalf("%s: linkworker %s: exit code %d\n%s\n%s", role, strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// connect is a connection of the user's own, for what is no command. The complaints of the server go to complained.
func (s *staff) connect(role string, complained func(error)) jetstream.JetStream {
	s.t.Helper()
	address, _ := (&app{environ: s.plain}).lookup("NATS_URL")
	nc, err := nats.Connect(address, nats.UserInfo(role, role+"-secret"), nats.CustomInboxPrefix("_INBOX_"+role),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { complained(err) }))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		s.t.Fatal(err)
	}
	return js
}
