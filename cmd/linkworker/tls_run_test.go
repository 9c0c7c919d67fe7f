package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/events"
)

// fortress is a NATS server, Redis and the vendor, each of which takes only clients that ours has signed.
func fortress(t *testing.T, ours *authority) map[string]string {
	t.Helper()
	client, clientKey := ours.client(t, time.Hour)
	environ := map[string]string{
		"MERCHANT_OWNER_IDENTITY_ID": "owner-1", "MERCHANT_ACCOUNT_NUMBER": "acc-1", "MERCHANT_PAYMENT_METHODS": "CARD",
		"ADMIN_ADDR": "127.0.0.1:0", "LOG_LEVEL": "debug", "LOG_FORMAT": "json", "RETRY_INITIAL": "10ms", "RETRY_MAX": "20ms",
	}
	for _, s := range []*secured{&overTLS[0], &overTLS[1], &overTLS[3]} {
		cert, key := ours.server(t, "127.0.0.1", time.Hour)
		maps.Copy(environ, environOf(s, s.serve(t, ours, cert, key), map[string]string{"CA": ours.path, "CERT": client, "KEY": clientKey}))
	}
	return environ
}

func pairs(environ map[string]string) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		list = append(list, name+"="+environ[name])
	}
	return list
}

// publishOne waits for the stream and publishes an invoice.
func publishOne(t *testing.T, environ map[string]string, token string) jetstream.JetStream {
	t.Helper()
	nc, js, err := connectNATS(load(t, environ, config.GroupNATS))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	invoice := &events.Invoice{CheckoutToken: token, Currency: "USD", Items: []events.Item{{PreTaxAmount: "1", TotalAmount: "1", Description: "x"}}}
	until(t, "the stream takes an invoice", func() bool {
		_, err := events.NewProducer(js, "/billing").PublishInvoice(t.Context(), invoice)
		return err == nil
	})
	return js
}

func TestRunOverTLS(t *testing.T) {
	environ := fortress(t, newAuthority(t, "ours"))
	r := boot(t, pairs(environ), "run")
	js := publishOne(t, environ, "inv-1")
	until(t, "link.created", func() bool {
		links, err := js.Stream(t.Context(), events.StreamLinks)
		if err != nil {
			return false
		}
		msg, err := links.GetLastMsgForSubject(t.Context(), events.SubjectLinkCreated)
		return err == nil && strings.Contains(string(msg.Data), `"checkoutToken":"inv-1"`)
	})
	if code := r.stop(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	search(t, "the log", r.stderr.String())
}

// A wrong authority for the vendor is told of at once, and again when nobody can be asked; nothing becomes a dead letter.
func TestRunWithAnotherAuthorityForTheVendor(t *testing.T) {
	environ := fortress(t, newAuthority(t, "ours"))
	environ["CONOMY_CA"] = newAuthority(t, "others").path
	r := boot(t, pairs(environ), "run")
	js := publishOne(t, environ, "inv-1")
	until(t, "the log names the setting", func() bool {
		return strings.Count(r.stderr.String(), "set CONOMY_CA to the authority that has signed the server's certificate") > 1
	})
	until(t, "the circuit opens", func() bool { return strings.Contains(r.stderr.String(), "the vendor does not answer a probe") })
	if letters, err := js.Stream(t.Context(), events.StreamDeadLetters); err != nil || letters.CachedInfo().State.Msgs != 0 {
		t.Errorf("dead letters: %v, %v", letters.CachedInfo().State, err)
	}
	if code := r.stop(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	search(t, "the log", r.stderr.String())
}
