package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/embedded"
)

// The transcripts of dlq have letters of their own.
func TestDLQScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/dlq",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":    scriptExit,
			"nats":    scriptNATS,
			"redis":   scriptRedis,
			"letters": scriptLetters,
			"billing": scriptBilling,
			"keep":    scriptKeep,
		},
	})
}

func scriptRedis(ts *testscript.TestScript, _ bool, _ []string) {
	server, err := embedded.StartRedis(embedded.RedisOptions{})
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Close()) })
	ts.Setenv("REDIS_URL", server.URL())
}

// scriptBilling counts the messages in BILLING: billing N.
func scriptBilling(ts *testscript.TestScript, _ bool, args []string) {
	withScriptStreams(ts, func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) {
		stream, err := js.Stream(ctx, events.StreamBilling)
		ts.Check(err)
		if got := fmt.Sprint(stream.CachedInfo().State.Msgs); got != args[0] {
			ts.Fatalf("%s messages in BILLING, want %s", got, args[0])
		}
	})
}

// scriptKeep lets no letter be removed any more.
func scriptKeep(ts *testscript.TestScript, _ bool, _ []string) {
	withScriptStreams(ts, func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) {
		stream, err := js.Stream(ctx, events.StreamDeadLetters)
		ts.Check(err)
		config := stream.CachedInfo().Config
		config.DenyDelete = true
		_, err = js.UpdateStream(ctx, config)
		ts.Check(err)
	})
}

func withScriptStreams(ts *testscript.TestScript, use func(context.Context, *nats.Conn, jetstream.JetStream)) {
	nc, err := nats.Connect(ts.Getenv("NATS_URL"))
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	ctx, cancel := testContext()
	defer cancel()
	use(ctx, nc, js)
}

// scriptLetters puts five letters: 1 refused, 2 invalid, 3 refused in the same way, 4 with a detail that would take a
// terminal over, 5 a session in a body that is no text.
func scriptLetters(ts *testscript.TestScript, _ bool, _ []string) {
	at := time.Date(2026, 5, 18, 11, 0, 0, 0, time.UTC)
	letter := func(n uint64, subject, token, data string) *deadletter.Letter {
		l := &deadletter.Letter{
			Subject: subject, Header: nats.Header{"X-Shop": {"7"}}, Data: []byte(data), Reason: deadletter.ReasonRejected,
			Token: token, Code: "11", Type: "invalidParam", Status: 400, TraceID: fmt.Sprintf("trace-%d", n), Attempts: 1,
			Detail: "account of " + token + " is locked", FirstAttempt: at, LastAttempt: at, Worker: "v1.2.3",
			Stream: events.StreamBilling, Sequence: n, Time: at, Event: fmt.Sprintf("BILLING.%d.1", n),
		}
		l.EventID = l.Event + ".0"
		return l
	}
	invoice := func(token string) string { return invoiceOf(token, "10") }
	invalid := letter(2, events.SubjectInvoiceIssued, "shop/2026/2", `{"checkoutToken":"shop/2026/2","currency":"usd","items":[{"preTaxAmount":"1","totalAmount":"1","description":"a"}]}`)
	invalid.Reason, invalid.Code, invalid.Type, invalid.Status, invalid.TraceID = deadletter.ReasonInvalidEvent, "", "", 0, ""
	invalid.Detail = "invalid invoice.issued: currency must be a code of 3 to 5 capital letters"
	withScriptStreams(ts, func(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) {
		for i, l := range []*deadletter.Letter{
			letter(1, events.SubjectInvoiceIssued, "shop/2026/1", invoice("shop/2026/1")), invalid,
			letter(3, events.SubjectInvoiceIssued, "shop/2026/3", invoice("shop/2026/3")),
			letter(4, events.SubjectInvoiceIssued, "evil", invoice("evil")),
			letter(5, events.SubjectSessionRequested, "binary", "\xff\x00"),
		} {
			msg, err := l.Message(nc.MaxPayload())
			ts.Check(err)
			if i == 3 { // as another client may write it
				msg.Header.Set("Deadletter-Detail", "\x1b[2Jgone \u009b31m\u202e \x07")
				msg.Header.Set("X-Evil", "\x1b]0;title\x07")
				msg.Data = []byte(strings.Replace(invoice("evil"), "Plan", "\u009b2J\u202e", 1))
			}
			_, err = js.PublishMsg(ctx, msg)
			ts.Check(err)
		}
	})
}
