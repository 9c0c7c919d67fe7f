package config

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// TokenPlaceholder stands in MERCHANT_SUCCESS_URL and MERCHANT_FAILED_URL
// where the checkout token goes.
const TokenPlaceholder = "{checkoutToken}"

// None of the errors here quotes the URL: what does not parse as one may well
// be a secret in the wrong place.

// baseURL takes a URL to which paths are appended. Whether plain http is fine
// depends on CONOMY_ALLOW_HTTP too: see rules.
func baseURL(to field[string]) parser {
	return func(c *Config, raw string) error {
		u, err := url.Parse(raw)
		switch {
		case err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
			return errors.New("is not an absolute http or https URL; set such as https://api.example.com/path")
		case u.User != nil:
			return errors.New("has a user or a password in it; leave them out")
		case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
			return errors.New("has a query or a fragment (? or #); leave it out, paths are appended to it")
		case !validURLPort(u):
			return errors.New("has a port that is not a number from 1 to 65535; mend or leave it out")
		}
		*to(c) = strings.TrimRight(raw, "/")
		return nil
	}
}

// payerURL takes a URL that payers are sent to.
func payerURL(to field[string]) parser {
	return func(c *Config, raw string) error {
		u, err := url.Parse(raw)
		switch {
		case err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
			return errors.New("is not an absolute http or https URL; set such as https://shop.example/paid?token=" + TokenPlaceholder)
		case u.User != nil:
			return errors.New("has a user or a password in it, which payers would see; leave them out")
		case !validURLPort(u):
			return errors.New("has a port that is not a number from 1 to 65535; mend or leave it out")
		case strings.ContainsAny(strings.ReplaceAll(raw, TokenPlaceholder, ""), "{}"):
			return errors.New("has braces that are not " + TokenPlaceholder + ", the one placeholder; mend the name or write %7B and %7D")
		}
		*to(c) = raw
		return nil
	}
}

// natsURL takes one server or a comma-separated list.
func natsURL(c *Config, raw string) error {
	var sockets, web int
	for part := range strings.SplitSeq(raw, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		u, err := url.Parse(part)
		if err != nil || u.Opaque != "" || u.Hostname() == "" || !validURLPort(u) {
			return errors.New("is not a list of NATS addresses; set such as nats://host:4222,nats://other:4222, with special characters of a password percent-encoded")
		}
		switch u.Scheme {
		case "nats", "tls":
			sockets++
			if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
				return errors.New("has a path, a query or a fragment; leave it out")
			}
		case "ws", "wss":
			web++
		default:
			return errors.New("has an unknown scheme; set nats://, tls://, ws:// or wss://")
		}
	}
	switch {
	case sockets+web == 0:
		return errors.New("has no address in it; set such as nats://host:4222")
	case sockets > 0 && web > 0:
		return errors.New("mixes ws:// or wss:// with nats:// or tls://, which the client refuses; set one kind only")
	}
	c.NATS.URL = NewURL(raw)
	return nil
}

func validURLPort(u *url.URL) bool {
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	return u.Port() == "" || validPort(u.Port()) && strings.Trim(u.Port(), "0") != ""
}

// loopback reports whether rawURL's host is this machine, or the URL is
// unreadable and another fault.
func loopback(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return true
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func plainHTTP(rawURL string) bool { return strings.HasPrefix(strings.ToLower(rawURL), "http:") }

// redactURLs masks what is secret in a comma-separated list of URLs.
func redactURLs(raw string) string {
	// A comma may stand in a password too, so only one that surely begins
	// another URL separates; all else is one URL for the mask.
	parts := splitURLs(raw)
	for i, part := range parts {
		parts[i] = redactURL(part)
	}
	return strings.Join(parts, ",")
}

// redactURL masks a password, a lone user (NATS tokens stand there) and
// options that look like secrets. It works on the text, not on a parsed URL,
// so that odd input is masked as well.
func redactURL(raw string) string {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		if strings.Contains(raw, "@") {
			return mask
		}
		return raw
	}
	head, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery && strings.Contains(query, "@") {
		// An unescaped question mark in a password.
		return scheme + "://" + mask
	}
	if at := strings.LastIndexByte(head, '@'); at >= 0 {
		user, password, _ := strings.Cut(head[:at], ":")
		if password == "" {
			user = mask
		} else {
			user += ":" + mask
		}
		head = user + "@" + head[at+1:]
	}
	out := scheme + "://" + head
	if hasQuery {
		out += "?" + redactQuery(query)
	}
	return out
}

func redactQuery(query string) string {
	options := strings.Split(query, "&")
	for i, option := range options {
		name, _, hasValue := strings.Cut(option, "=")
		name = strings.ToLower(name)
		if hasValue && name != "master_name" && name != "addr" && name != "db" && name != "protocol" {
			options[i] = option[:strings.IndexByte(option, '=')+1] + mask
		}
	}
	return strings.Join(options, "&")
}
