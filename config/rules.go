package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// billingAge is how long the stream BILLING keeps events, when the worker
// makes it; LINKS keeps its own as long.
const billingAge = 720 * time.Hour

// checkRules checks what several settings must hold together. A setting that
// is faulty by itself is left out: one fault is enough.
func (l *loader) checkRules(need []Group) {
	for _, check := range []struct {
		group Group
		check func()
	}{
		{GroupNATS, l.checkNATSLogin}, {GroupNATS, l.checkNATSTLS}, {GroupStreams, l.checkStreams},
		{GroupRedis, l.checkRedisTLS}, {GroupConomy, l.checkConomyURLs}, {GroupConomy, l.checkConomyTLS},
		{GroupConomy, l.checkCredentials}, {GroupWork, l.checkWork},
	} {
		if inGroups(check.group, need) {
			check.check()
		}
	}
}

// sound reports that all the settings are free of faults so far.
func (l *loader) sound(names ...string) bool {
	for _, name := range names {
		if l.faulty[name] {
			return false
		}
	}
	return true
}

func (l *loader) checkNATSLogin() {
	if !l.sound("NATS_URL", "NATS_CREDS", "NATS_NKEY", "NATS_USER", "NATS_PASSWORD") {
		return
	}
	n := l.cfg.NATS
	var ways []string
	if hasUser(n.URL.Reveal()) {
		ways = append(ways, "a user in NATS_URL")
	}
	for _, way := range []struct {
		name string
		set  bool
	}{{"NATS_CREDS", n.Creds != ""}, {"NATS_NKEY", !n.NKey.IsZero()}, {"NATS_USER", n.User != ""}} {
		if way.set {
			ways = append(ways, way.name)
		}
	}
	switch {
	case len(ways) > 1:
		l.fault("NATS_URL", "more than one way to log in: "+strings.Join(ways, ", ")+"; keep one")
	case n.User == "" && !n.Password.IsZero():
		l.fault("NATS_PASSWORD", "there is no user to it; set NATS_USER")
	case n.User != "" && n.Password.IsZero():
		l.cfg.warn("NATS_USER: has no NATS_PASSWORD; most servers will refuse it")
	}
}

func hasUser(rawURLs string) bool {
	for part := range strings.SplitSeq(rawURLs, ",") {
		if u, err := url.Parse(strings.TrimSpace(part)); err == nil && u.User != nil {
			return true
		}
	}
	return false
}

func (l *loader) checkNATSTLS() { l.checkCertificate("NATS", l.cfg.NATS.TLSFiles) }

func (l *loader) checkRedisTLS() {
	r := l.cfg.Redis
	l.checkCertificate("REDIS", r.TLSFiles)
	l.checkSecured("REDIS", r.TLSFiles, "REDIS_URL", "rediss", r.URL.Reveal())
}

func (l *loader) checkConomyTLS() {
	c := l.cfg.Conomy
	l.checkCertificate("CONOMY", c.TLSFiles)
	l.checkSecured("CONOMY", c.TLSFiles, "CONOMY_BASE_URL", "https", c.BaseURL)
}

func (l *loader) checkStreams() {
	c := l.cfg
	if l.sound("LINKS_DUPLICATE_WINDOW") && c.LinksDuplicateWindow > billingAge {
		l.fault("LINKS_DUPLICATE_WINDOW", fmt.Sprintf("%s is longer than LINKS keeps its events; set at most %s",
			short(c.LinksDuplicateWindow), short(billingAge)))
	}
	if l.sound("LINKS_DUPLICATE_WINDOW", "ACK_WAIT") && c.LinksDuplicateWindow < 2*c.AckWait {
		l.fault("LINKS_DUPLICATE_WINDOW", fmt.Sprintf("%s is under twice ACK_WAIT (%s), so a redelivered event could be published twice; set at least %s",
			short(c.LinksDuplicateWindow), short(c.AckWait), short(2*c.AckWait)))
	}
	if n := c.NATS.Replicas; l.sound("NATS_REPLICAS") && n%2 == 0 {
		c.warn(fmt.Sprintf("NATS_REPLICAS: %d copies bear no more lost servers than %d; set an odd number", n, n-1))
	}
}

func (l *loader) checkConomyURLs() {
	if u, err := url.Parse(l.cfg.Conomy.BaseURL); err == nil && strings.ContainsFunc(u.Host, beyondASCII) {
		l.fault("CONOMY_BASE_URL", "has a host that is not ASCII; write it as it stands in DNS, xn--…")
	}
	if !l.sound("CONOMY_ALLOW_HTTP") {
		return
	}
	for _, u := range []struct{ name, url, danger string }{
		{"CONOMY_BASE_URL", l.cfg.Conomy.BaseURL, "credentials and payers' details cross the network unprotected"},
		{"CONOMY_CHECKOUT_URL", l.cfg.Conomy.CheckoutURL, "payers are sent to an unprotected page"},
	} {
		switch {
		case !l.sound(u.name) || !plainHTTP(u.url) || loopback(u.url):
		case l.cfg.Conomy.AllowHTTP:
			l.cfg.warn(u.name + ": plain http to another host, allowed by CONOMY_ALLOW_HTTP; only for an emulator: " + u.danger)
		default:
			l.fault(u.name, "plain http to another host: "+u.danger+"; set an https URL, or CONOMY_ALLOW_HTTP=true for an emulator")
		}
	}
}

func beyondASCII(r rune) bool { return r > unicode.MaxASCII }

func (l *loader) checkCredentials() {
	names := []string{"CONOMY_CLIENT_ID", "CONOMY_CLIENT_SECRET", "CONOMY_ACCESS_TOKEN"}
	if !l.sound(names...) {
		return
	}
	id, key, token := l.found[names[0]].ok, l.found[names[1]].ok, l.found[names[2]].ok
	switch {
	case token && (id || key):
		l.cfg.warn("CONOMY_ACCESS_TOKEN: is used, CONOMY_CLIENT_ID and CONOMY_CLIENT_SECRET are not: a token that has run out is not renewed; unset it to log in with the client")
	case token, id && key:
	case id:
		l.fault(names[1], "required with CONOMY_CLIENT_ID; set it or CONOMY_CLIENT_SECRET_FILE to the path of a file that holds it")
	case key:
		l.fault(names[0], "required with CONOMY_CLIENT_SECRET; set it or CONOMY_CLIENT_ID_FILE to the path of a file that holds it")
	default:
		l.fault(names[0], "required together with CONOMY_CLIENT_SECRET, unless CONOMY_ACCESS_TOKEN is set; set both or their _FILE forms to the paths of files that hold them")
	}
}

func (l *loader) checkWork() {
	c := l.cfg
	if l.sound("RETRY_INITIAL", "RETRY_MAX") && c.Retry.Initial > c.Retry.Max {
		l.fault("RETRY_INITIAL", fmt.Sprintf("%s is longer than RETRY_MAX (%s); set at most that", short(c.Retry.Initial), short(c.Retry.Max)))
	}
	if l.sound("DEDUP_TTL") && c.DedupTTL < billingAge {
		c.warn(fmt.Sprintf("DEDUP_TTL: %s is shorter than BILLING keeps events when the worker makes it (%s): an event read again after that makes a second request",
			short(c.DedupTTL), short(billingAge)))
	}
}
