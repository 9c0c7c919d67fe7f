package config

import (
	"log/slog"
	"slices"
	"time"
)

// table is the single list of settings. Everything else, flags, file forms,
// help texts, the table for people and loading itself, follows from it.
func table() []Setting {
	var all []Setting
	for _, part := range [][]Setting{
		natsSettings(), streamSettings(), redisSettings(), conomySettings(), workSettings(), merchantSettings(),
		adminSettings(), logSettings(),
	} {
		all = append(all, part...)
	}
	return all
}

func natsSettings() []Setting {
	const g = GroupNATS
	return slices.Concat([]Setting{
		{Name: "NATS_URL", Default: "nats://127.0.0.1:4222", Group: g, URL: true, login: true,
			Usage: "NATS server; comma-separated for a cluster", kind: "url",
			parse: natsURL},
		{Name: "NATS_CREDS", Group: g, Usage: "path of a credentials file", kind: "file",
			parse: file(func(c *Config) *string { return &c.NATS.Creds }, checkCreds)},
	}, tlsSettings("NATS", g, func(c *Config) *TLSFiles { return &c.NATS.TLSFiles }), []Setting{
		{Name: "NATS_USER", Group: g, Usage: "user name; needs NATS_PASSWORD", kind: "string",
			parse: text(func(c *Config) *string { return &c.NATS.User })},
		{Name: "NATS_INBOX_PREFIX", Default: "_INBOX", Group: g, kind: "string",
			Usage: "first part of the subjects that answers come to; one of its own keeps them from other users",
			parse: inboxPrefix(func(c *Config) *string { return &c.NATS.InboxPrefix })},
		{Name: "NATS_NKEY", Group: g, Secret: true, Usage: "nkey seed of a user",
			parse: secret(func(c *Config) *Secret { return &c.NATS.NKey }, checkSeed)},
		{Name: "NATS_PASSWORD", Group: g, Secret: true, Usage: "password of NATS_USER",
			parse: secret(func(c *Config) *Secret { return &c.NATS.Password }, nil)},
	})
}

func streamSettings() []Setting {
	const g = GroupStreams
	return []Setting{
		{Name: "NATS_REPLICAS", Default: "1", Group: g, Usage: "copies of streams that the worker makes (1 to 5)",
			kind: "number", parse: integer(func(c *Config) *int { return &c.NATS.Replicas }, 1, 5)},
		{Name: "ACK_WAIT", Default: "15s", Group: g, kind: "duration",
			Usage: "acknowledgement wait of consumers that the worker makes: how soon a dead worker's events come again",
			parse: duration(func(c *Config) *time.Duration { return &c.AckWait }, time.Second)},
		{Name: "LINKS_DUPLICATE_WINDOW", Default: "24h", Group: g, kind: "duration",
			Usage: "duplicate window of the streams LINKS and DEADLETTERS that the worker makes; costs the NATS server memory for each event",
			parse: duration(func(c *Config) *time.Duration { return &c.LinksDuplicateWindow }, time.Second)},
	}
}

func redisSettings() []Setting {
	const g = GroupRedis
	return append([]Setting{
		{Name: "REDIS_URL", Default: "redis://127.0.0.1:6379/0", Group: g, URL: true, login: true, kind: "url",
			Usage: "Redis, redis:// or rediss://; several addresses: a cluster; ?master_name=: sentinel (the master's password: ?password=)",
			parse: redisURL},
		{Name: "REDIS_PREFIX", Default: "linkworker", Group: g, Usage: "first part of every key", kind: "string",
			parse: prefix(func(c *Config) *string { return &c.Redis.Prefix })},
	}, tlsSettings("REDIS", g, func(c *Config) *TLSFiles { return &c.Redis.TLSFiles })...)
}

func conomySettings() []Setting {
	const g = GroupConomy
	return slices.Concat([]Setting{
		{Name: "CONOMY_BASE_URL", Default: "https://api.conomyhq.com/sandbox", Group: g, URL: true, kind: "url",
			Usage: "the vendor's API: https, or http to loopback",
			parse: baseURL(func(c *Config) *string { return &c.Conomy.BaseURL })},
		{Name: "CONOMY_ALLOW_HTTP", Default: "false", Group: g, kind: "bool",
			Usage: "allow plain http to another host, for an emulator; warns at start",
			parse: boolean(func(c *Config) *bool { return &c.Conomy.AllowHTTP })},
	}, tlsSettings("CONOMY", g, func(c *Config) *TLSFiles { return &c.Conomy.TLSFiles }), []Setting{
		{Name: "CONOMY_API_KEY", Group: g, Secret: true, Required: true, Usage: "API key",
			parse: secret(func(c *Config) *Secret { return &c.Conomy.APIKey }, checkHeaderValue)},
		{Name: "CONOMY_CLIENT_ID", Group: g, Secret: true, Usage: "client id, with CONOMY_CLIENT_SECRET; or CONOMY_ACCESS_TOKEN",
			parse: secret(func(c *Config) *Secret { return &c.Conomy.ClientID }, nil)},
		{Name: "CONOMY_CLIENT_SECRET", Group: g, Secret: true, Usage: "client secret, with CONOMY_CLIENT_ID",
			parse: secret(func(c *Config) *Secret { return &c.Conomy.ClientSecret }, nil)},
		{Name: "CONOMY_ACCESS_TOKEN", Group: g, Secret: true, Usage: "ready-made access token, instead of client id and secret",
			parse: secret(func(c *Config) *Secret { return &c.Conomy.AccessToken }, checkHeaderValue)},
		{Name: "CONOMY_CHECKOUT_URL", Default: "https://checkout.conomyhq.com", Group: g, URL: true, kind: "url",
			Usage: "base of the hosted pages, for a session whose answer and link record have no URL",
			parse: baseURL(func(c *Config) *string { return &c.Conomy.CheckoutURL })},
		{Name: "CONOMY_TIMEOUT", Default: "15s", Group: g, Usage: "longest time of one call", kind: "duration",
			parse: duration(func(c *Config) *time.Duration { return &c.Conomy.Timeout }, time.Millisecond)},
		{Name: "CONOMY_CONCURRENCY", Default: "64", Group: g, kind: "number",
			Usage: "calls at once (1 to 4096); a slot that comes free goes to a waiting session first, and of 32 or more one is kept for the next session where there was one in the last ten minutes",
			parse: integer(func(c *Config) *int { return &c.Conomy.Concurrency }, 1, 4096)},
		{Name: "CONOMY_RATE_LIMIT", Default: "0", Group: g, kind: "number",
			Usage: "calls a second over all replicas; 0: no limit",
			parse: rate(func(c *Config) *float64 { return &c.Conomy.RateLimit })},
	})
}

func workSettings() []Setting {
	const g = GroupWork
	return []Setting{
		{Name: "RETRY_INITIAL", Default: "1s", Group: g, Usage: "wait before the second try; doubles, with jitter", kind: "duration",
			parse: duration(func(c *Config) *time.Duration { return &c.Retry.Initial }, time.Millisecond)},
		{Name: "RETRY_MAX", Default: "32s", Group: g, Usage: "longest wait between two tries", kind: "duration",
			parse: duration(func(c *Config) *time.Duration { return &c.Retry.Max }, time.Millisecond)},
		{Name: "RETRY_ATTEMPTS", Default: "5", Group: g, Usage: "tries in all (1 to 100)", kind: "number",
			parse: integer(func(c *Config) *int { return &c.Retry.Attempts }, 1, 100)},
		{Name: "SESSION_WAIT", Default: "2m", Group: g, kind: "duration",
			Usage: "how long a session request waits for its link; under a backlog longer than this, ask for a session after link.created",
			parse: duration(func(c *Config) *time.Duration { return &c.SessionWait }, time.Millisecond)},
		{Name: "DEDUP_TTL", Default: "720h", Group: g, Usage: "how long a token is remembered; not shorter than BILLING's age", kind: "duration",
			parse: duration(func(c *Config) *time.Duration { return &c.DedupTTL }, time.Second)},
		{Name: "CLAIM_TTL", Default: "15s", Group: g, kind: "duration",
			Usage: "how long a dead worker's claim holds others off; renewed while work goes on, so it may be shorter than a call",
			parse: duration(func(c *Config) *time.Duration { return &c.ClaimTTL }, time.Second)},
		{Name: "SHUTDOWN_TIMEOUT", Default: "25s", Group: g, Usage: "longest time to finish or give back work when stopping", kind: "duration",
			parse: duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout }, time.Millisecond)},
	}
}

func merchantSettings() []Setting {
	const g = GroupMerchant
	return []Setting{
		{Name: "MERCHANT_OWNER_IDENTITY_ID", Group: g, Usage: "owner of links", kind: "string",
			parse: text(func(c *Config) *string { return &c.Merchant.OwnerIdentityID })},
		{Name: "MERCHANT_ACCOUNT_NUMBER", Group: g, Usage: "account that is paid into", kind: "string",
			parse: text(func(c *Config) *string { return &c.Merchant.AccountNumber })},
		{Name: "MERCHANT_ACCOUNT_IDENTITY_ID", Group: g, Usage: "identity of that account", kind: "string",
			parse: text(func(c *Config) *string { return &c.Merchant.AccountIdentityID })},
		{Name: "MERCHANT_PAYMENT_METHODS", Group: g, Usage: "payment methods, such as CARD,PIX", kind: "list",
			parse: list(func(c *Config) *[]string { return &c.Merchant.PaymentMethods })},
		{Name: "MERCHANT_DURATION", Default: "24h", Group: g, Usage: "how long a link is good for; whole seconds, at least 30s", kind: "duration",
			parse: wholeSeconds(func(c *Config) *time.Duration { return &c.Merchant.Duration }, 30*time.Second)},
		{Name: "MERCHANT_CUSTOMER_REQUIREMENTS", Group: g, Usage: "what the payer must fill in, such as firstName,email", kind: "list",
			parse: list(func(c *Config) *[]string { return &c.Merchant.CustomerRequirements })},
		{Name: "MERCHANT_SUCCESS_URL", Group: g, URL: true, kind: "url",
			Usage: "where the payer goes after paying; {checkoutToken} is replaced",
			parse: payerURL(func(c *Config) *string { return &c.Merchant.SuccessURL })},
		{Name: "MERCHANT_FAILED_URL", Group: g, URL: true, kind: "url",
			Usage: "where the payer goes when paying failed; {checkoutToken} is replaced",
			parse: payerURL(func(c *Config) *string { return &c.Merchant.FailedURL })},
	}
}

func adminSettings() []Setting {
	return []Setting{
		{Name: "ADMIN_ADDR", Default: "127.0.0.1:8080", Group: GroupAdmin, kind: "host:port",
			Usage: "address of /livez, /readyz and /metrics; empty: none; the image sets :8080",
			parse: hostPort(func(c *Config) *string { return &c.AdminAddr })},
	}
}

func logSettings() []Setting {
	return []Setting{
		{Name: "LOG_LEVEL", Default: "info", Group: GroupLog, Usage: "debug, info, warn or error", kind: "level",
			parse: level(func(c *Config) *slog.Level { return &c.LogLevel })},
		{Name: "LOG_FORMAT", Default: LogAuto, Group: GroupLog, kind: "format",
			Usage: "auto, tint or json; auto: tint on a terminal, JSON elsewhere",
			parse: oneOf(func(c *Config) *string { return &c.LogFormat }, LogAuto, LogTint, LogJSON)},
	}
}
