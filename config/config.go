package config

import (
	"log/slog"
	"time"
)

// Config is the validated configuration. Groups that [Load] was not asked for
// hold their defaults.
type Config struct {
	NATS     NATS
	Redis    Redis
	Conomy   Conomy
	Retry    Retry
	Merchant Merchant

	// SessionWait is how long a session request waits for its payment link to
	// appear at the vendor.
	SessionWait time.Duration
	// DedupTTL is how long a token is remembered, from last sight.
	DedupTTL time.Duration
	// AckWait is the acknowledgement wait of consumers that the worker makes.
	AckWait time.Duration
	// ClaimTTL is how long a dead worker's claim holds others off.
	ClaimTTL time.Duration
	// LinksDuplicateWindow is the duplicate window of the streams LINKS and
	// DEADLETTERS, when the worker makes them.
	LinksDuplicateWindow time.Duration

	// AdminAddr is the host:port of /livez, /readyz and /metrics; "" for none.
	AdminAddr string
	// LogLevel is the lowest level that is logged.
	LogLevel slog.Level
	// LogFormat is one of [LogAuto], [LogTint] and [LogJSON].
	LogFormat string
	// ShutdownTimeout bounds how long work in progress may take to finish.
	ShutdownTimeout time.Duration

	values   []Value
	warnings []string
	files    credentialFiles
}

// The values of LOG_FORMAT: auto is tint on a terminal and JSON elsewhere.
const (
	LogAuto = "auto"
	LogTint = "tint"
	LogJSON = "json"
)

// NATS is how to reach the NATS server. [Config.NATSOptions] makes options of
// it.
type NATS struct {
	// URL is one server or a comma-separated list of a cluster's.
	URL URL
	// Creds is the path of a credentials file.
	Creds string
	TLSFiles
	// NKey is an nkey seed.
	NKey Secret
	// User and Password authenticate where neither Creds nor NKey do.
	User     string
	Password Secret
	// InboxPrefix begins the subjects that answers come to.
	InboxPrefix string
	// Replicas is the number of copies of streams that the worker makes.
	Replicas int
}

// Redis is how to reach Redis. [Config.RedisOptions] makes options of it.
type Redis struct {
	// URL is redis:// or rediss://, with one address or several.
	URL URL
	// Prefix is the first part of every key.
	Prefix string
	TLSFiles
}

// Conomy is how to call the vendor.
type Conomy struct {
	// BaseURL has no trailing slash, user, query or fragment.
	BaseURL string
	// AllowHTTP allows a BaseURL with plain http to a host that is not
	// loopback.
	AllowHTTP bool
	// TLSFiles secure calls: [Config.ConomyTLS] makes use of them.
	TLSFiles
	Credentials
	// CheckoutURL is the base of hosted pages, without a trailing slash.
	CheckoutURL string
	// Timeout bounds one call.
	Timeout time.Duration
	// Concurrency is how many calls may run at once.
	Concurrency int
	// RateLimit is calls a second over all replicas; 0: no limit.
	RateLimit float64
}

// Credentials is what authenticates calls to the vendor: the API key always,
// with either a ready-made access token or a client's id and secret.
type Credentials struct {
	APIKey                 Secret
	ClientID, ClientSecret Secret
	AccessToken            Secret
}

// Equal reports whether c and d hold the same credentials.
func (c Credentials) Equal(d Credentials) bool {
	return c.APIKey.Reveal() == d.APIKey.Reveal() &&
		c.ClientID.Reveal() == d.ClientID.Reveal() &&
		c.ClientSecret.Reveal() == d.ClientSecret.Reveal() &&
		c.AccessToken.Reveal() == d.AccessToken.Reveal()
}

// Retry is how failed calls are tried again: the wait doubles from Initial to
// Max, with jitter, until Attempts calls have been made.
type Retry struct {
	Initial, Max time.Duration
	Attempts     int
}

// Merchant holds defaults for what an invoice leaves out.
type Merchant struct {
	OwnerIdentityID, AccountNumber, AccountIdentityID string
	PaymentMethods, CustomerRequirements              []string
	// Duration is how long a link is good for, in whole seconds.
	Duration time.Duration
	// SuccessURL and FailedURL may contain {checkoutToken}.
	SuccessURL, FailedURL string
}

// Warnings returns what is allowed but probably not meant, or dangerous; for
// the log at start. [Misspelt] has more.
func (c *Config) Warnings() []string { return c.warnings }

func (c *Config) warn(text string) { c.warnings = append(c.warnings, text) }
