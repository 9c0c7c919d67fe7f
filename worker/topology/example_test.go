package topology_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/embedded"
	"github.com/linkworker/linkworker/worker/topology"
)

// newServer starts a NATS server for an example.
func newServer() (js jetstream.JetStream, stop func()) {
	server, err := embedded.StartNATS(embedded.NATSOptions{})
	if err != nil {
		log.Fatal(err)
	}
	nc, err := nats.Connect(server.URL())
	if err != nil {
		log.Fatal(err)
	}
	js, err = jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	return js, func() {
		nc.Close()
		if err := server.Close(); err != nil {
			log.Print(err)
		}
	}
}

func ExampleEnsure() {
	js, stop := newServer()
	defer stop()
	ctx := context.Background()

	t, err := topology.Ensure(ctx, js, topology.Settings{AckWait: 20 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range t.Objects {
		fmt.Println(o, o.Subjects, "made:", o.Made)
	}
	fmt.Println(t.Streams[events.SubjectLinkCreated], t.AckWait[events.SubjectInvoiceIssued])
	// Output:
	// stream BILLING [invoice.issued session.requested] made: true
	// stream LINKS [link.created link.failed] made: true
	// stream DEADLETTERS [deadletter.invoice.issued deadletter.session.requested] made: true
	// consumer linkworker-invoices [invoice.issued] made: true
	// consumer linkworker-sessions [session.requested] made: true
	// LINKS 20s
}

// A stream on which nothing can be built is refused, with all that is wrong.
func ExampleUnfitError() {
	js, stop := newServer()
	defer stop()
	ctx := context.Background()

	_, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "DEADLETTERS", Subjects: []string{"deadletter.>"}, MaxAge: 24 * time.Hour, MaxMsgsPerSubject: 100, Duplicates: 24 * time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = topology.Ensure(ctx, js, topology.Settings{})
	if unfit := new(topology.UnfitError); errors.As(err, &unfit) {
		for _, f := range unfit.Findings {
			fmt.Println(f)
		}
	}
	// Output:
	// stream DEADLETTERS: it keeps only 100 messages of a subject (max_msgs_per_subject); to mend: nats stream edit DEADLETTERS --max-msgs-per-subject=-1
	// stream DEADLETTERS: dead letters vanish from it after 24h (max_age); to mend: nats stream edit DEADLETTERS --max-age=0s
}

func ExampleInspect() {
	js, stop := newServer()
	defer stop()
	ctx := context.Background()

	_, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "SHOP", Subjects: []string{"invoice.*", "session.*"}, Duplicates: time.Hour, MaxAge: 720 * time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	t, err := topology.Inspect(ctx, js, topology.Settings{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range t.Findings {
		fmt.Println(f.Severity, f.Object)
	}
	fmt.Println(t.Streams[events.SubjectInvoiceIssued])
	// Output:
	// missing stream LINKS
	// missing stream DEADLETTERS
	// missing consumer linkworker-invoices
	// missing consumer linkworker-sessions
	// SHOP
}
