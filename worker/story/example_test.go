package story_test

import (
	"context"
	"fmt"
	"log"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/embedded"
	"github.com/linkworker/linkworker/worker/story"
	"github.com/linkworker/linkworker/worker/topology"
)

// An invoice that no worker has come to, told from the streams alone.
func Example() {
	server, err := embedded.StartNATS(embedded.NATSOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	nc, err := nats.Connect(server.URL())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if _, err := topology.Ensure(ctx, js, topology.Settings{}); err != nil {
		log.Fatal(err)
	}
	_, err = events.NewProducer(js, "/billing").PublishInvoice(ctx, &events.Invoice{
		CheckoutToken: "invoice-1001", Currency: "CLP", InvoiceID: "F-7",
		Items: []events.Item{{PreTaxAmount: "42009", TotalAmount: "49990", Description: "Plan"}},
	})
	if err != nil {
		log.Fatal(err)
	}

	sources := story.Sources{NATS: js, Missing: []story.Gap{{Place: story.PlaceRedis, Why: "not asked"}}}
	told := sources.Tell(ctx, story.Question{Token: "invoice-1001"})
	for _, fact := range told.Facts {
		fmt.Println(fact.Stream, fact.Sequence, fact.Text)
	}
	for _, gap := range told.Gaps {
		fmt.Println(gap.Place, gap.Why)
	}
	fmt.Println(told.Verdict.Outcome, "-", told.Verdict.Text)
	// Output:
	// BILLING 1 invoice.issued, for 49990 CLP, invoice F-7
	// redis not asked
	// waiting - BILLING 1 waits: no worker has taken it in yet, 0 messages of the stream are before it
}
