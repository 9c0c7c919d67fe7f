package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/embedded"
	"github.com/linkworker/linkworker/worker/topology"
)

// evil moves a terminal: clears it, names its window, hides a link, turns the direction of writing, goes back on the line.
const evil = "\x1b[2J\x1b]0;title\x07\x1b]8;;https://evil.example\x1b\\\u009b31m\u202e\b\r\x7f\u2066"

// evilHeader is the same as far as a header can hold it.
var evilHeader = strings.ReplaceAll(evil, "\r", "")

// evilStage has streams full of what somebody else has written, and Redis beside them.
type evilStage struct {
	t       *testing.T
	js      jetstream.JetStream
	environ []string
}

func newEvilStage(t *testing.T) *evilStage {
	t.Helper()
	ns, err := embedded.StartNATS(embedded.NATSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	rs, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rs.Close() })
	nc, err := nats.Connect(ns.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s := &evilStage{t: t, environ: []string{"NATS_URL=" + ns.URL(), "REDIS_URL=" + rs.URL(), "TERM=xterm"}}
	if s.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	settings := topology.Settings{Replicas: 1, AckWait: time.Second, LinksDuplicateWindow: time.Hour, DedupTTL: 720 * time.Hour}
	if _, err = topology.Ensure(t.Context(), s.js, settings); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *evilStage) publish(subject string, header nats.Header, data string) *jetstream.PubAck {
	s.t.Helper()
	ack, err := s.js.PublishMsg(s.t.Context(), &nats.Msg{Subject: subject, Header: header, Data: []byte(data)})
	if err != nil {
		s.t.Fatal(err)
	}
	return ack
}

// fill publishes what no worker would, but who may write to the streams can.
func (s *evilStage) fill() {
	s.t.Helper()
	quote := func(text string) string {
		quoted, _ := json.Marshal(text)
		return string(quoted)
	}
	raw := strings.NewReplacer("\x1b", "", "\x07", "", "\b", "", "\r", "", `\`, "").Replace(evil) // what JSON may hold as it is
	id := nats.Header{"Nats-Msg-Id": {"1" + evilHeader}}
	s.publish(events.SubjectLinkCreated, id, `{"kind":`+quote(evil)+`,"checkoutToken":`+quote("token"+evil)+`,"url":`+quote("https://a.example/"+evil)+`,"metadata":{"raw":"`+raw+`"}}`)
	s.publish(events.SubjectLinkFailed, nats.Header{"Nats-Msg-Id": {"2"}}, `{"kind":"payment_link","checkoutToken":"token","reason":`+quote(evil)+`,"code":`+quote(evil)+`,"detail":"`+raw+`","deadLetter":`+quote(evil)+`,"failedAt":"2026-01-01T00:00:00Z"}`)
	s.publish(events.SubjectLinkCreated, nats.Header{"ce-id": {evilHeader}}, evil+"\xff")

	data := `{"checkoutToken":"token","currency":` + quote(evil) + `,"items":[{"description":"` + raw + `"}],` + quote("x"+evil) + `:1}`
	ack := s.publish(events.SubjectInvoiceIssued, nats.Header{"X-Evil": {evilHeader}}, data)
	letter := &deadletter.Letter{
		Subject: events.SubjectInvoiceIssued, Header: nats.Header{"X-Evil": {evilHeader}}, Data: []byte(data), Reason: deadletter.ReasonRejected, Token: "token",
		Detail: "detail", Stream: ack.Stream, Sequence: ack.Sequence, Time: time.Unix(0, 1), Event: "BILLING.1.1", EventID: "BILLING.1.1.0",
	}
	for i, spoil := range []string{"Detail", "Code", "Type", "Trace-Id", "Token", "Worker", "Identity", "Msg-Id", "Subject", "Reason", "Event"} {
		msg, err := letter.Message(1 << 20)
		if err != nil {
			s.t.Fatal(err)
		}
		msg.Header.Set("Deadletter-"+spoil, "evil "+evilHeader+"end")
		msg.Header.Set("Nats-Msg-Id", spoil)
		if i == 0 {
			msg.Data = []byte(data + evil)
		}
		s.publish(msg.Subject, msg.Header, string(msg.Data))
	}
}

// run runs a command and holds all that it says to what a terminal may get.
func (s *evilStage) run(args ...string) (out string) {
	s.t.Helper()
	var stdout, stderr buffer
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	run(ctx, args, s.environ, strings.NewReader(""), &stdout, &stderr)
	for name, text := range map[string]string{"standard output": stdout.String(), "standard error": stderr.String()} {
		for line := range strings.SplitSeq(text, "\n") {
			if strings.ContainsFunc(line, unprintable) {
				s.t.Errorf("%v: %s moves a terminal: %q", args, name, line)
			}
		}
	}
	return stdout.String() + stderr.String()
}

// TestNothingMovesTheTerminal: what producers, the provider or anybody on NATS has written is shown, and does nothing.
func TestNothingMovesTheTerminal(t *testing.T) {
	s := newEvilStage(t)
	s.fill()
	file := filepath.Join(t.TempDir(), "evil\x1b[2J.json")
	content := `{"checkoutToken":"a","` + "\u202e" + `":1,"currency":"USD","items":[{"preTaxAmount":"1","totalAmount":"1","description":"d"}]} {"\u001b":` + "\x1b"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"tail", "--all", "--limit", "3"},
		{"tail", "--all", "--limit", "3", "-o", "json"},
		{"dlq", "ls"},
		{"dlq", "ls", "-o", "json"},
		{"dlq", "ls", "--group", "reason,code,detail,type,worker,subject"},
		{"dlq", "ls", "--group", "detail", "-o", "json"},
		{"dlq", "show", "1"},
		{"dlq", "show", "1", "-o", "json"},
		{"dlq", "show", "2"},
		{"dlq", "show", "10"},
		{"dlq", "replay", "--all", "--dry-run"},
		{"dlq", "replay", "--all", "--dry-run", "-o", "json"},
		{"dlq", "edit", "2", "--set", "currency=USD", "--dry-run"},
		{"dlq", "edit", "2", "--set", "currency=" + evil, "--dry-run"},
		{"explain", "token", "--since", "1h"},
		{"explain", "token", "--since", "1h", "-o", "json"},
		{"explain", "token" + evil, "--since", "1h"},
		{"emit", "invoice", file},
		{"emit", "invoice", file + "\x1b[0m"},
		{"dlq", "replay", "3", "--yes"},
		{"dlq", "discard", "1", "4", "--yes"},
	} {
		if out := s.run(args...); out == "" {
			t.Errorf("%v says nothing", args)
		}
	}
	if out := s.run("tail", "--all", "--limit", "3"); !strings.Contains(out, `\u001b[2J`) {
		t.Errorf("what was written is not shown: %s", out)
	}
}
