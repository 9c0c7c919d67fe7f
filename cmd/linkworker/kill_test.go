package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/testenv"
)

// patience bounds each wait for something that must happen, and heard is how long a command waits for what it must hear of.
const (
	patience = 5 * time.Minute
	heard    = "4m"
)

// outside is an observer of worker processes: it knows the vendor's book and the streams, and nothing of the workers.
type outside struct {
	t       *testing.T
	vendor  *conomytest.Server
	js      jetstream.JetStream
	environ []string
}

func newOutside(t *testing.T, env *testenv.Env, options conomytest.Options) *outside {
	t.Helper()
	o := &outside{t: t, vendor: conomytest.New(options), js: env.JetStream(t)}
	server := httptest.NewServer(o.vendor)
	t.Cleanup(func() {
		o.vendor.Close()
		server.Close()
	})
	o.environ = append(os.Environ(), "NATS_URL="+env.NATSURL, "REDIS_URL="+env.RedisURL, "REDIS_PREFIX="+env.Prefix,
		"CONOMY_BASE_URL="+server.URL+"/sandbox", "CONOMY_API_KEY=key-secret", "CONOMY_CLIENT_ID=client", "CONOMY_CLIENT_SECRET=client-secret",
		"MERCHANT_OWNER_IDENTITY_ID=owner-1", "MERCHANT_ACCOUNT_NUMBER=acc-1", "MERCHANT_PAYMENT_METHODS=CARD",
		"ACK_WAIT=1s", "CLAIM_TTL=1s", "RETRY_INITIAL=50ms", "RETRY_ATTEMPTS=30", "ADMIN_ADDR=", "LOG_LEVEL=debug",
	)
	return o
}

// process starts a worker of its own.
func (o *outside) process(args ...string) *process {
	o.t.Helper()
	cmd := exec.Command("linkworker", append([]string{"run"}, args...)...)
	cmd.Env = o.environ
	p := &process{Cmd: cmd, log: &buffer{}}
	cmd.Stderr, cmd.Stdout = p.log, p.log
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		p.kill()
		if o.t.Failed() {
			o.t.Logf("log of process %d:\n%.20000s", cmd.Process.Pid, p.log)
		}
	})
	return p
}

type process struct {
	*exec.Cmd
	log *buffer
}

func (p *process) kill() {
	if p.ProcessState == nil {
		_ = p.Process.Kill() // it may have ended
		_ = p.Wait()         // says how, which is known
	}
}

func (o *outside) eventually(what string, met func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(patience); !met(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// ended reports whether each of n events is acknowledged.
func (o *outside) ended(n int) bool {
	acknowledged := 0
	for _, name := range []string{events.ConsumerInvoices, events.ConsumerSessions} {
		consumer, err := o.js.Consumer(context.Background(), events.StreamBilling, name)
		if err != nil {
			return false
		}
		info := consumer.CachedInfo()
		if info.NumPending > 0 || info.NumAckPending > 0 {
			return false
		}
		acknowledged += int(info.Delivered.Stream)
	}
	return acknowledged >= n
}

// created counts link.created by ce-id.
func (o *outside) created() map[string]int {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := o.js.Stream(ctx, events.StreamLinks)
	if err != nil {
		o.t.Fatal(err)
	}
	told := map[string]int{}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		msg, err := stream.GetMsg(ctx, seq)
		if err != nil {
			o.t.Fatal(err)
		}
		told[msg.Header.Get("ce-id")]++
	}
	return told
}

// TestKilledProcesses kills worker processes with SIGKILL, wherever they happen to be, and counts from outside.
func TestKilledProcesses(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		const n, kills = 300, 6
		o := newOutside(t, env, conomytest.Options{Latency: 30 * time.Millisecond, FailRate: 0.02, Seed: 3})
		workers := []*process{o.process(), o.process()}
		o.eventually("the streams are made", func() bool {
			_, err := o.js.Stream(t.Context(), events.StreamLinks)
			return err == nil
		})
		producer := events.NewProducer(o.js, "/billing")
		for i := range n {
			_, err := producer.PublishInvoice(t.Context(), &events.Invoice{
				CheckoutToken: fmt.Sprintf("inv-%d", i), Currency: "USD",
				Items: []events.Item{{PreTaxAmount: "10", TotalAmount: "10", Description: "Plan"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if i%(n/kills) == n/kills-1 {
				goal := len(o.vendor.Links()) + 10
				o.eventually("work goes on", func() bool { return len(o.vendor.Links()) >= min(goal, i) })
				workers[0].kill()
				workers = append(workers[1:], o.process())
			}
		}
		o.eventually("every event has ended", func() bool { return o.ended(n) })
		told := o.created()
		if len(o.vendor.Links()) != n || len(told) != n {
			t.Errorf("%d links, %d link.created for %d invoices", len(o.vendor.Links()), len(told), n)
		}
		for id, times := range told {
			if times != 1 {
				t.Errorf("%s was told %d times", id, times)
			}
		}
	})
}

// TestTerminatedProcess asks a process to end and looks at how it does.
func TestTerminatedProcess(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		o := newOutside(t, env, conomytest.Options{Latency: 100 * time.Millisecond})
		p := o.process("--conomy-concurrency", "2")
		o.eventually("the consumers are made", func() bool {
			_, err := o.js.Consumer(t.Context(), events.StreamBilling, events.ConsumerSessions)
			return err == nil
		})
		for i := range 20 {
			data := fmt.Sprintf(`{"checkoutToken":"inv-%d","currency":"USD","items":[{"preTaxAmount":"1","totalAmount":"1","description":"x"}]}`, i)
			if _, err := o.js.Publish(t.Context(), events.SubjectInvoiceIssued, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
		o.eventually("links are made", func() bool { return len(o.vendor.Links()) > 3 })
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- p.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%v: %s", err, p.log)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it does not end")
		}
		links := len(o.vendor.Links())
		if links == 20 || len(o.created()) != links {
			t.Errorf("%d links, %d link.created", links, len(o.created()))
		}
		o.process()
		o.eventually("what was given back is done", func() bool { return len(o.vendor.Links()) == 20 && o.ended(20) })
		if told := o.created(); len(told) != 20 {
			t.Errorf("%d link.created", len(told))
		}
	})
}

// TestRunSaysEveryFault starts a worker that cannot begin.
func TestRunSaysEveryFault(t *testing.T) {
	cmd := exec.Command("linkworker", "run")
	cmd.Env = append(os.Environ(), "NATS_URL=nats://127.0.0.1:1", "REDIS_URL=redis://127.0.0.1:1/0", "CONOMY_CONCURRENCY=none", "MERCHANT_DURATION=5s")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, fault := range []string{"CONOMY_API_KEY", "CONOMY_CLIENT_ID", "CONOMY_CONCURRENCY", "MERCHANT_DURATION", "NATS_URL", "REDIS_URL"} {
		if !strings.Contains(string(out), fault) {
			t.Errorf("%s is not named in\n%s", fault, out)
		}
	}
}
