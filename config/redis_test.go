package config

import (
	"crypto/tls"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestRedisOptions(t *testing.T) {
	for _, c := range []struct {
		url, addrs, user, password, master string
		db                                 int
		cluster, tls                       bool
	}{
		{url: "redis://127.0.0.1:6379/0", addrs: "127.0.0.1:6379"},
		{url: "redis://h", addrs: "h:6379"},
		{url: "redis://u:p@h:1/3", addrs: "h:1", user: "u", password: "p", db: 3},
		{url: "redis://:p%2F%40%3F%23@h:1/3", addrs: "h:1", password: "p/@?#", db: 3},
		{url: "rediss://:p@h?db=2", addrs: "h:6379", password: "p", db: 2, tls: true},
		{url: "redis://:p@h1:1,h2:2/0", addrs: "h1:1 h2:2", password: "p", cluster: true},
		{url: "redis://u:p,q@h1,h2", addrs: "h1:6379 h2:6379", user: "u", password: "p,q", cluster: true},
		{url: "redis://[::1]:1,[::2]", addrs: "[::1]:1 [::2]:6379", cluster: true},
		{url: "rediss://u:p@h1:1,rediss://u:p@h2:2,rediss://h3/0?db=0&pool_size=7", addrs: "h1:1 h2:2 h3:6379", user: "u", password: "p", cluster: true, tls: true},
		{url: "redis://h1:1?addr=h2:2", addrs: "h1:1 h2:2", cluster: true},
		{url: "redis://s1:26379,s2:26379/4?master_name=m&username=u&password=p%40", addrs: "s1:26379 s2:26379", user: "u", password: "p@", master: "m", db: 4},
	} {
		cfg := mustLoad(t, least(environment{"REDIS_URL": c.url}))
		o, err := cfg.RedisOptions()
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if got := strings.Join(o.Addrs, " "); got != c.addrs || o.Username != c.user || o.Password != c.password || o.MasterName != c.master ||
			o.DB != c.db || o.IsClusterMode != c.cluster || (o.TLSConfig != nil) != c.tls {
			t.Errorf("%s: got %s %s %s %s %d %v", c.url, got, o.Username, o.Password, o.MasterName, o.DB, o.IsClusterMode)
		}
		if o.TLSConfig != nil && o.TLSConfig.MinVersion != tls.VersionTLS12 {
			t.Errorf("%s: old TLS", c.url)
		}
		if o.TLSConfig != nil && len(o.Addrs) > 1 && o.TLSConfig.ServerName != "" {
			t.Errorf("%s: all addresses would need the name %s", c.url, o.TLSConfig.ServerName)
		}
	}
}

func TestRedisFaults(t *testing.T) {
	for _, raw := range []string{
		"h", "h:6379", "unix:///tmp/redis.sock", "http://h", "redis://", "redis:///0", "redis://h:0", "redis://h:x", "redis://h:99999",
		"redis://h/x", "redis://h/-1", "redis://h/0/1", "redis://:p/q@h", "redis://:p?q@h", "redis://:p#q@h", "redis://:%zz@h",
		"redis://h?unknown=1", "redis://h?pool_size=x", "redis://h1,h2/1", "redis://h1,h2?db=1", "redis://h1,,h2", "redis://h1,rediss://h2",
		"redis://h1/0,redis://h2/0", "redis://a:b@h1,redis://c:d@h2", "redis://h?master_name=", "redis://h1,h2?read_only=true",
		"redis://h1,h2?route_randomly=true", "redis://h?master_name=m&replica_only=true",
	} {
		_, err := load(t, least(environment{"REDIS_URL": raw}))
		if err == nil {
			t.Errorf("%s passes", raw)
			continue
		}
		if faults := faultsOf(t, err); len(faults) != 1 || faults[0].Name != "REDIS_URL" {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestRedisProtocol(t *testing.T) {
	for raw, want := range map[string]int{
		"redis://h": 2, "redis://h1,h2": 2, "redis://h?master_name=m": 2, "redis://h?protocol=3": 3, "redis://h1,h2?protocol=3": 3,
	} {
		if o, err := parseRedis(raw); err != nil || o.Protocol != want {
			t.Errorf("%s: got %+v, %v", raw, o, err)
		}
	}
}

// No option that go-redis reads from a URL is lost on the way to the
// universal options.
func TestRedisOptionsAreComplete(t *testing.T) {
	common := "client_name=c&protocol=3&max_retries=4&min_retry_backoff=5s&max_retry_backoff=6s&dial_timeout=7s&read_timeout=8s" +
		"&write_timeout=9s&pool_fifo=true&pool_size=10&pool_timeout=11s&min_idle_conns=12&max_idle_conns=13&max_active_conns=14&max_concurrent_dials=15" +
		"&pipeline_pool_size=16&pipeline_read_buffer_size=17&pipeline_write_buffer_size=18&conn_max_idle_time=19s&conn_max_lifetime=20s&conn_max_lifetime_jitter=3s"
	dialer := "&dialer_retries=21&dialer_retry_timeout=22s"
	compare := func(t *testing.T, raw string, want any, made func(*redis.UniversalOptions) any, except ...string) {
		t.Helper()
		o, err := parseRedis(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, expected := reflect.ValueOf(made(o)).Elem(), reflect.ValueOf(want).Elem()
		set := 0
		for i := range expected.NumField() {
			name := expected.Type().Field(i).Name
			if !expected.Type().Field(i).IsExported() || slices.Contains(except, name) || expected.Field(i).Kind() == reflect.Func {
				continue
			}
			if !expected.Field(i).IsZero() {
				set++
			}
			if !reflect.DeepEqual(got.Field(i).Interface(), expected.Field(i).Interface()) {
				t.Errorf("%s: got %v, want %v", name, got.Field(i), expected.Field(i))
			}
		}
		if query, _ := url.ParseQuery(raw[strings.Index(raw, "?")+1:]); set < len(query) {
			t.Errorf("only %d fields of %d options are compared", set, len(query))
		}
	}
	// These two are set on purpose, or follow from the kind.
	except := []string{"ContextTimeoutEnabled", "TLSConfig", "Network"}

	single := "redis://u:p@h:1/3?" + common
	o, err := redis.ParseURL(single)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, single, o, func(u *redis.UniversalOptions) any { return u.Simple() }, except...)

	cluster := "redis://u:p@h:1?addr=h2:2&max_redirects=23&failing_timeout_seconds=24&" + common + dialer
	co, err := redis.ParseClusterURL(cluster)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, cluster, co, func(u *redis.UniversalOptions) any { return u.Cluster() }, except...)

	sentinel := "redis://u:p@h:1/5?addr=h2:2&master_name=m&username=mu&password=mp&disableIdentity=true&identitySuffix=s&" + common + dialer
	fo, err := redis.ParseFailoverURL(sentinel)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, sentinel, fo, func(u *redis.UniversalOptions) any { return u.Failover() }, except...)
}
