package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/testenv"
)

func TestMain(m *testing.M) {
	testscript.Main(testenv.Wrap(m), map[string]func(){"linkworker": main})
}

// The transcripts in testdata are what a person sees of the commands.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":   scriptExit,
			"nats":   scriptNATS,
			"links":  scriptLinks,
			"repeat": scriptRepeat,
		},
	})
}

// scriptNATS starts a server for the script and sets NATS_URL. Its arguments
// are the streams to make: BILLING, LINKS.
func scriptNATS(ts *testscript.TestScript, _ bool, args []string) {
	s, err := startServer(ts.Getenv("WORK")+"/jetstream", -1)
	ts.Check(err)
	ts.Defer(func() { stopServer(s) })
	ts.Setenv("NATS_URL", s.ClientURL())
	nc, err := nats.Connect(s.ClientURL())
	ts.Check(err)
	defer nc.Close()
	for _, name := range args {
		ts.Check(makeStream(nc, name))
	}
}

func startServer(dir string, port int) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: filepath.FromSlash(dir), NoSigs: true, NoLog: true,
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, server.ErrServerNotRunning
	}
	return s, nil
}

func stopServer(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func makeStream(nc *nats.Conn, name string) error {
	subjects := map[string][]string{
		events.StreamBilling: {events.SubjectInvoiceIssued, events.SubjectSessionRequested},
		events.StreamLinks:   {events.SubjectLinkCreated, events.SubjectLinkFailed},
		"CREATED":            {events.SubjectLinkCreated},
		"FAILED":             {events.SubjectLinkFailed},
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := testContext()
	defer cancel()
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: subjects[name], Duplicates: time.Hour, AllowDirect: true})
	return err
}

// scriptLinks publishes one link.created and one link.failed.
func scriptLinks(ts *testscript.TestScript, _ bool, _ []string) {
	nc, err := nats.Connect(ts.Getenv("NATS_URL"))
	ts.Check(err)
	defer nc.Close()
	ts.Check(publishLinks(nc, "invoice-1001"))
}

func publishLinks(nc *nats.Conn, token string) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	at := time.Date(2026, 5, 18, 11, 0, 0, 0, time.UTC)
	created, err := events.EncodeLinkCreated("/linkworker", events.LinkCreatedID(token, ""), at, &events.LinkCreated{
		Kind: events.KindPaymentLink, CheckoutToken: token, URL: "https://checkout.conomyhq.com/" + token, LinkID: "l-1",
		Status: "ACTIVE", Amount: "49990", Currency: "CLP", Customer: &events.PublicCustomer{Email: "jane@example.com"}, CreatedAt: at,
	})
	if err != nil {
		return err
	}
	failed, err := events.EncodeLinkFailed("/linkworker", events.LinkFailedID(token), at, &events.LinkFailed{
		Kind: events.KindCheckoutSession, CheckoutToken: token, Reason: "rejected", Code: "31", Detail: "no such link", DeadLetter: "7", FailedAt: at,
	})
	if err != nil {
		return err
	}
	ctx, cancel := testContext()
	defer cancel()
	for _, msg := range []*nats.Msg{created, failed} {
		if _, err := js.PublishMsg(ctx, msg); err != nil {
			return err
		}
	}
	return nil
}

// scriptRepeat writes a file with one JSON string that is never closed, of
// another file's text: repeat N from to.
func scriptRepeat(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	text := strings.TrimSpace(ts.ReadFile(args[1]))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(`"`+strings.Repeat(text, n)), 0o600))
}

// scriptExit runs linkworker and holds it to an exit code: exit CODE args.
func scriptExit(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("linkworker", args[1:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
