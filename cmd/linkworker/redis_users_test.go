package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/testenv"
)

const redisUsersPath = repository + "/deploy/redis-users.conf"

var redisUser = regexp.MustCompile(`(?m)^user (worker|operator) on `)

// redisConfig is deploy/redis-users.conf with passwords, and beside them "admin", who may do everything,
// and "pinger", who may connect and no more.
func redisConfig(t *testing.T) testenv.Config {
	t.Helper()
	data, err := os.ReadFile(redisUsersPath)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if found := redisUser.FindAllString(text, -1); len(found) != 2 {
		t.Fatalf("users %q", found)
	}
	text = redisUser.ReplaceAllString(text, "user $1 on >$1-secret ") + "\nuser admin on >admin-secret ~* &* +@all\nuser pinger on >pinger-secret -@all +ping +client|setname\n"
	return testenv.Config{Main: "redis.conf", Files: map[string]string{"redis.conf": text}, Ask: func(ctx context.Context, url string) error {
		options, err := redis.ParseURL(redisAs(url, "admin"))
		if err != nil {
			return err
		}
		rdb := redis.NewClient(options)
		defer rdb.Close()
		return rdb.Ping(ctx).Err()
	}}
}

func redisAs(url, user string) string {
	return strings.Replace(url, "redis://", "redis://"+user+":"+user+"-secret@", 1)
}

// allowedCommands reads what a user of the file may do, in lower case.
func allowedCommands(t *testing.T, user string) (all []string) {
	t.Helper()
	data, err := os.ReadFile(redisUsersPath)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "user "+user+" ") {
			continue
		}
		for _, word := range strings.Fields(line) {
			if command, allows := strings.CutPrefix(word, "+"); allows {
				all = append(all, command)
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("no user %s", user)
	}
	return all
}

var (
	scriptCall  = regexp.MustCompile(`redis\.call\('([A-Z]+)'`)
	commandStat = regexp.MustCompile(`(?m)^cmdstat_([a-z|]+):calls=[1-9]`)
)

// scriptCommands are those of the scripts of claims.
func scriptCommands(t *testing.T) map[string]bool {
	t.Helper()
	source, err := os.ReadFile(repository + "/worker/claim/scripts.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range scriptCall.FindAllStringSubmatch(string(source), -1) {
		found[strings.ToLower(m[1])] = true
	}
	if len(found) < 10 {
		t.Fatalf("only %v in the scripts", found)
	}
	return found
}

// redisWatch looks from outside at what Redis was asked.
type redisWatch struct {
	t   *testing.T
	rdb redis.UniversalClient
}

// ran are the commands that were run since the last time, those within scripts too.
func (w *redisWatch) ran() map[string]bool {
	w.t.Helper()
	stats, err := w.rdb.Info(w.t.Context(), "commandstats").Result()
	if err == nil {
		err = w.rdb.ConfigResetStat(w.t.Context()).Err()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	ran := map[string]bool{}
	for _, m := range commandStat.FindAllStringSubmatch(stats, -1) {
		ran[m[1]] = true
	}
	return ran
}

// denials lists what was refused to the user since the last time, but for what a client asks in any case.
func (w *redisWatch) denials(user string) (all []string) {
	w.t.Helper()
	entries, err := w.rdb.ACLLog(w.t.Context(), 100).Result()
	if err == nil {
		err = w.rdb.ACLLogReset(w.t.Context()).Err()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Username == user && e.Object != "client|setinfo" {
			all = append(all, e.Reason+" "+e.Object)
		}
	}
	return all
}

// TestRedisUsers runs the worker and the commands as the users of deploy/redis-users.conf, and looks that they need all
// that they may do.
func TestRedisUsers(t *testing.T) {
	scripts := scriptCommands(t)
	for command := range scripts {
		if !slices.Contains(allowedCommands(t, "worker"), command) {
			t.Errorf("a script needs %s", command)
		}
	}
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		url := env.RedisWith(t, redisConfig(t))
		own := *env
		own.RedisURL, own.Prefix = redisAs(url, "admin"), "linkworker"
		watch := &redisWatch{t, own.Redis(t)}
		c := &clinic{outside: newOutside(t, &own, conomytest.Options{}), env: &own}
		c.environ = append(c.environ, "REDIS_URL="+redisAs(url, "worker"), "CONOMY_RATE_LIMIT=100")
		log := c.busy()
		if denied := watch.denials("worker"); len(denied) > 0 || strings.Contains(log, "NOPERM") {
			t.Errorf("refused to the worker: %q\n%s", denied, log)
		}
		ran := watch.ran()
		for _, command := range allowedCommands(t, "worker") {
			if !ran[command] && !scripts[command] {
				t.Errorf("the worker may %s and does not", command)
			}
		}
		c.environ = append(c.environ, "REDIS_URL="+redisAs(url, "operator"))
		for _, token := range []string{"inv-1", "inv-3"} {
			if story := c.explain(token, "--vendor=false"); story.code != exitDone || len(story.gaps) != 1 || token == "inv-1" && story.whats("redis") == "" {
				t.Errorf("%s: %+v", token, story)
			}
		}
		if foreseen := lines[prospectLine](t, c.must("replay", "--all", "--dry-run", "-o", "json")); len(foreseen) != 1 {
			t.Errorf("foreseen %v", foreseen)
		}
		if denied := watch.denials("operator"); len(denied) > 0 {
			t.Errorf("refused to the operator: %q", denied)
		}
		ran = watch.ran()
		for _, command := range allowedCommands(t, "operator") {
			if !ran[command] {
				t.Errorf("the operator may %s and does not", command)
			}
		}
		c.mayNotInRedis(url)
		c.withoutRights(url)
	})
}

// busy has a worker work: links, a session, a repeat, a failure, a crash, a dead letter. It returns the log.
func (c *clinic) busy() (log string) {
	c.t.Helper()
	w := c.process()
	c.eventually("the consumers are made", func() bool {
		_, err := c.js.Consumer(c.t.Context(), events.StreamBilling, events.ConsumerSessions)
		return err == nil
	})
	links := conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink}
	c.vendor.Script(links, conomytest.Failure(500))
	c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-1", "10"))
	c.eventually("a link", func() bool { return len(c.vendor.Links()) == 1 && c.idle() })
	c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-1", "10.0"))
	c.emit(events.SubjectSessionRequested, `{"checkoutToken":"inv-1","requestId":"r-1","customer":{"email":"jane@example.com"}}`)
	c.vendor.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink, Token: "inv-2"}, conomytest.Fault{Hang: true})
	c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-2", "10"))
	c.eventually("a call that hangs", func() bool { return c.vendor.Creates("inv-2") == 1 })
	w.kill()
	next := c.process()
	c.eventually("the next worker makes it", func() bool { return len(c.vendor.Links()) == 2 && c.idle() })
	c.refuse()
	c.emit(events.SubjectInvoiceIssued, invoiceOf("inv-3", "10"))
	c.awaitLetters(1)
	c.allow()
	next.kill()
	return w.log.String() + next.log.String()
}

// withoutRights: a command whose Redis user may not do its work says what is missing and what to do.
func (c *clinic) withoutRights(url string) {
	c.t.Helper()
	for user, says := range map[string][2]string{
		"nobody": {"WRONGPASS", "set the user and password"}, "default": {"NOPERM", "deploy/redis-users.conf"},
		"pinger": {"NOPERM", "deploy/redis-users.conf"},
	} {
		address := url
		if user != "default" {
			address = redisAs(url, user)
		}
		c.environ = append(c.environ, "REDIS_URL="+address)
		code, _, stderr := c.dlq("replay", "--all", "--dry-run")
		if code != exitFailed || !strings.Contains(stderr, says[0]) || !strings.Contains(stderr, says[1]) {
			c.t.Errorf("%s: exit code %d, %s", user, code, stderr)
		}
		if user == "pinger" {
			continue // the worker finds out when it looks whether Redis takes writes, and waits until it does
		}
		var out, errs buffer
		ctx, cancel := context.WithTimeout(c.t.Context(), patience)
		code = run(ctx, []string{"run"}, c.environ, strings.NewReader(""), &out, &errs)
		cancel()
		if code != exitFailed || !strings.Contains(errs.String(), says[0]) || !strings.Contains(errs.String(), says[1]) {
			c.t.Errorf("run as %s: exit code %d, %s", user, code, errs.String())
		}
	}
}

// mayNotInRedis tries what is nobody's, or others'.
func (c *clinic) mayNotInRedis(url string) {
	c.t.Helper()
	for user, commands := range map[string][]string{
		"worker":   {"SET other:key 1", "GET other:key", "KEYS *", "SCAN 0", "FLUSHALL", "CONFIG GET requirepass", "ACL LIST", "SHUTDOWN", "RENAME linkworker:a linkworker:b", "EVAL return(redis.call('flushall')) 0"},
		"operator": {"SET linkworker:key 1", "DEL linkworker:key", "HSET linkworker:key a b", "EVAL return(1) 0", "HMGET other:key a", "INFO", "KEYS *"},
		"default":  {"GET linkworker:key", "INFO", "CONFIG GET *", "ACL WHOAMI"},
	} {
		address := url
		if user != "default" {
			address = redisAs(url, user)
		}
		options, err := redis.ParseURL(address)
		if err != nil {
			c.t.Fatal(err)
		}
		rdb := redis.NewClient(options)
		for _, command := range commands {
			var words []any
			for _, word := range strings.Fields(command) {
				words = append(words, word)
			}
			if err := rdb.Do(c.t.Context(), words...).Err(); err == nil || !strings.Contains(err.Error(), "permission") && !strings.Contains(err.Error(), "can't run this command") {
				c.t.Errorf("%s: %s: %v", user, command, err)
			}
		}
		if err := rdb.Ping(c.t.Context()).Err(); err != nil {
			c.t.Errorf("%s: %v", user, err)
		}
		if err := rdb.Close(); err != nil {
			c.t.Error(err)
		}
	}
}
