package config

import (
	"crypto/tls"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// RedisOptions returns options for [redis.NewUniversalClient], made from
// REDIS_URL: one address gives a client of a single server, several a
// cluster's, ?master_name= one that finds the master through sentinels (whose
// user and password stand before the @; the master's own are ?username= and
// ?password=). Further options are those of go-redis's URL parsers
// (https://pkg.go.dev/github.com/redis/go-redis/v9#ParseURL), without the
// ones that read from replicas, whose memory may lag.
//
// With rediss:// certificates are verified for each address's own name, from
// TLS 1.2 on, and no option turns that off.
func (c *Config) RedisOptions() (*redis.UniversalOptions, error) {
	o, err := parseRedis(c.Redis.URL.Reveal())
	if err == nil && o.TLSConfig != nil {
		err = c.Redis.secure("REDIS", o.TLSConfig)
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

func redisURL(c *Config, raw string) error {
	if _, err := parseRedis(raw); err != nil {
		return err
	}
	c.Redis.URL = NewURL(raw)
	return nil
}

// The errors of go-redis quote the URL or parts of it, so none is passed on.
var (
	errRedisForm = errors.New("is not understood; set redis://[user:password@]host:port[,host:port…][/db][?option=value…] " +
		"or rediss://…, with special characters of the user and the password percent-encoded")
	errRedisOption  = errors.New("has an unknown option or an option with a wrong value; see https://pkg.go.dev/github.com/redis/go-redis/v9#ParseURL")
	errRedisDB      = errors.New("names a database, but a cluster has only database 0; leave it out")
	errRedisReplica = errors.New("has an option that reads from replicas, which may lag; leave it out")
	errRedisVerify  = errors.New("has an option that leaves certificates unverified; leave it out, and set REDIS_CA to the authority that has signed the server's")
)

func parseRedis(raw string) (*redis.UniversalOptions, error) {
	first, addrs, err := splitRedis(raw)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(first)
	if err != nil {
		return nil, errRedisForm
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errRedisForm
	}
	for _, name := range []string{"read_only", "route_by_latency", "route_by_latency_tolerance", "route_randomly", "replica_only", "use_disconnected_replicas"} {
		if query.Has(name) {
			return nil, errRedisReplica
		}
	}
	if query.Has("skip_verify") {
		return nil, errRedisVerify
	}
	var o *redis.UniversalOptions
	switch {
	case query.Has("master_name"):
		o, err = sentinelOptions(first)
	case len(addrs) > 0 || query.Has("addr"):
		o, err = clusterOptions(u, query)
	default:
		o, err = singleOptions(first)
	}
	if err != nil {
		return nil, err
	}
	o.Addrs = append(o.Addrs, addrs...)
	if o.TLSConfig != nil {
		o.TLSConfig.MinVersion = tls.VersionTLS12
		if len(o.Addrs) > 1 || o.MasterName != "" {
			o.TLSConfig.ServerName = "" // each address's own, when dialled
		}
	}
	if o.ClientName == "" {
		o.ClientName = "linkworker"
	}
	// RESP3 brings nothing that is used, and has a client look for a pushed
	// message before each answer.
	if o.Protocol == 0 {
		o.Protocol = 2
	}
	o.ContextTimeoutEnabled = true
	return o, nil
}

// splitRedis takes further addresses out of raw, which the parsers of go-redis
// do not know: scheme://user@h1:1,h2:2/0 or scheme://h1:1,scheme://h2:2.
func splitRedis(raw string) (first string, more []string, err error) {
	urls := splitURLs(raw)
	scheme, rest, found := strings.Cut(urls[0], "://")
	if !found || scheme != "redis" && scheme != "rediss" {
		return "", nil, errRedisForm
	}
	authority, tail := cutAuthority(rest)
	at := strings.LastIndexByte(authority, '@') + 1
	hosts := strings.Split(authority[at:], ",")
	for _, next := range urls[1:] {
		rest, found := strings.CutPrefix(next, scheme+"://")
		if !found || tail != "" {
			return "", nil, errRedisForm
		}
		var nextAuthority string
		nextAuthority, tail = cutAuthority(rest)
		hosts = append(hosts, strings.Split(strings.TrimPrefix(nextAuthority, authority[:at]), ",")...)
	}
	if strings.ContainsAny(tail, "#@") {
		return "", nil, errRedisForm // a password with a character that is not encoded
	}
	for i, host := range hosts {
		if hosts[i], err = redisAddr(scheme, strings.TrimSpace(host)); err != nil {
			return "", nil, err
		}
	}
	return scheme + "://" + authority[:at] + hosts[0] + tail, hosts[1:], nil
}

// cutAuthority splits what follows :// into user@hosts and the rest.
func cutAuthority(rest string) (authority, tail string) {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

// redisAddr returns host as host:port.
func redisAddr(scheme, host string) (string, error) {
	u, err := url.Parse(scheme + "://" + host)
	if err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || !validURLPort(u) {
		return "", errRedisForm
	}
	if u.Port() == "" {
		return u.Host + ":6379", nil
	}
	return u.Host, nil
}

// splitURLs splits a list of URLs where a comma is followed by another scheme.
func splitURLs(raw string) []string {
	var parts []string
	start := 0
	for i := range len(raw) {
		if raw[i] == ',' && startsURL(raw[i+1:]) {
			parts = append(parts, strings.TrimSpace(raw[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(raw[start:]))
}

func startsURL(s string) bool {
	scheme, _, found := strings.Cut(strings.TrimSpace(s), "://")
	switch scheme {
	case "redis", "rediss", "nats", "tls", "ws", "wss":
		return found
	}
	return false
}

func singleOptions(raw string) (*redis.UniversalOptions, error) {
	o, err := redis.ParseURL(raw)
	if err != nil || o.DB < 0 {
		return nil, errRedisOption
	}
	return &redis.UniversalOptions{
		Addrs: []string{o.Addr}, ClientName: o.ClientName, DB: o.DB, Protocol: o.Protocol,
		Username: o.Username, Password: o.Password,
		MaxRetries: o.MaxRetries, MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout, MaxConcurrentDials: o.MaxConcurrentDials,
		MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns,
		PipelinePoolSize: o.PipelinePoolSize, PipelineReadBufferSize: o.PipelineReadBufferSize, PipelineWriteBufferSize: o.PipelineWriteBufferSize,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime, ConnMaxLifetimeJitter: o.ConnMaxLifetimeJitter,
		TLSConfig: o.TLSConfig,
	}, nil
}

// clusterOptions takes a cluster's URL, in which go-redis ignores a database
// in the path and knows no option db: here only 0 passes.
func clusterOptions(u *url.URL, query url.Values) (*redis.UniversalOptions, error) {
	for _, db := range append(query["db"], strings.Trim(u.Path, "/")) {
		if n, err := strconv.Atoi(db); db != "" && (err != nil || n != 0) {
			return nil, errRedisDB
		}
	}
	query.Del("db")
	bare := *u
	bare.RawQuery = query.Encode()
	o, err := redis.ParseClusterURL(bare.String())
	if err != nil {
		return nil, errRedisOption
	}
	return &redis.UniversalOptions{
		Addrs: o.Addrs, IsClusterMode: true, ClientName: o.ClientName, Protocol: o.Protocol, Username: o.Username, Password: o.Password,
		MaxRedirects: o.MaxRedirects, MaxRetries: o.MaxRetries, MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		DialTimeout: o.DialTimeout, DialerRetries: o.DialerRetries, DialerRetryTimeout: o.DialerRetryTimeout,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout, MaxConcurrentDials: o.MaxConcurrentDials,
		MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns,
		PipelinePoolSize: o.PipelinePoolSize, PipelineReadBufferSize: o.PipelineReadBufferSize, PipelineWriteBufferSize: o.PipelineWriteBufferSize,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime, ConnMaxLifetimeJitter: o.ConnMaxLifetimeJitter,
		FailingTimeoutSeconds: o.FailingTimeoutSeconds, TLSConfig: o.TLSConfig,
	}, nil
}

func sentinelOptions(raw string) (*redis.UniversalOptions, error) {
	o, err := redis.ParseFailoverURL(raw)
	if err != nil || o.MasterName == "" || o.DB < 0 {
		return nil, errRedisOption
	}
	return &redis.UniversalOptions{
		Addrs: o.SentinelAddrs, MasterName: o.MasterName, ClientName: o.ClientName, DB: o.DB, Protocol: o.Protocol,
		Username: o.Username, Password: o.Password, SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
		MaxRetries: o.MaxRetries, MinRetryBackoff: o.MinRetryBackoff, MaxRetryBackoff: o.MaxRetryBackoff,
		DialTimeout: o.DialTimeout, DialerRetries: o.DialerRetries, DialerRetryTimeout: o.DialerRetryTimeout,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolFIFO: o.PoolFIFO, PoolSize: o.PoolSize, PoolTimeout: o.PoolTimeout, MaxConcurrentDials: o.MaxConcurrentDials,
		MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns, MaxActiveConns: o.MaxActiveConns,
		PipelinePoolSize: o.PipelinePoolSize, PipelineReadBufferSize: o.PipelineReadBufferSize, PipelineWriteBufferSize: o.PipelineWriteBufferSize,
		ConnMaxIdleTime: o.ConnMaxIdleTime, ConnMaxLifetime: o.ConnMaxLifetime, ConnMaxLifetimeJitter: o.ConnMaxLifetimeJitter,
		DisableIdentity: o.DisableIdentity, IdentitySuffix: o.IdentitySuffix, TLSConfig: o.TLSConfig,
	}, nil
}
