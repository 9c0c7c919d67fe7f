package deadletter_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/embedded"
	"github.com/linkworker/linkworker/worker/topology"
)

// failed is an event that the vendor has refused.
func failed() *deadletter.Letter {
	header := nats.Header{"Nats-Msg-Id": {"invoice-1001"}, "Nats-TTL": {"1h"}, "Content-Type": {"application/json"}}
	origin := deadletter.OriginOf(header, &jetstream.MsgMetadata{
		Stream: "BILLING", Sequence: jetstream.SequencePair{Stream: 42}, Timestamp: time.Unix(1779101999, 0),
	})
	return &deadletter.Letter{
		Subject: "invoice.issued", Header: header, Data: []byte(`{"checkoutToken":"invoice-1001"}`),
		Reason: deadletter.ReasonRejected, Token: "invoice-1001", Code: "11", Status: 400, Attempts: 1,
		Detail: deadletter.MaskDetail("jane@example.com is not an address", []string{"Jane@example.com"}),
		Stream: "BILLING", Sequence: 42, Time: time.Unix(1779101999, 0).UTC(),
		Event: origin.Event, Replays: origin.Replays, EventID: origin.ID(), MsgID: origin.MsgID,
	}
}

func ExamplePut() {
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
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "DEADLETTERS", Subjects: []string{"deadletter.>"}})
	if err != nil {
		log.Fatal(err)
	}

	// A repeat is the same letter.
	for range 2 {
		id, err := deadletter.Put(ctx, js, "DEADLETTERS", failed(), nc.MaxPayload())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("dead letter", id)
	}
	letter, err := deadletter.Get(ctx, stream, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(letter.Subject, letter.Reason, letter.Detail)
	_, err = deadletter.Get(ctx, stream, 2)
	fmt.Println(err)
	// Output:
	// dead letter 1
	// dead letter 1
	// invoice.issued rejected *** is not an address
	// dead letter 2: there is no such dead letter; it may have been replayed or discarded
}

func ExampleLetter_Message() {
	msg, err := failed().Message(1 << 20)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(msg.Subject)
	for _, name := range []string{"Content-Type", "Deadletter-Original-Nats-TTL", "Nats-TTL", "Nats-Msg-Id", "Deadletter-Msg-Id", "Deadletter-Reason"} {
		fmt.Printf("%s: %q\n", name, msg.Header.Get(name))
	}
	// Output:
	// deadletter.invoice.issued
	// Content-Type: "application/json"
	// Deadletter-Original-Nats-TTL: "1h"
	// Nats-TTL: ""
	// Nats-Msg-Id: "deadletter:BILLING.42.1779101999000000000.0"
	// Deadletter-Msg-Id: "invoice-1001"
	// Deadletter-Reason: "rejected"
}

func ExampleParse() {
	msg, err := failed().Message(0)
	if err != nil {
		log.Fatal(err)
	}
	letter, err := deadletter.Parse(msg.Subject, msg.Header, msg.Data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(letter.Subject, letter.Token, letter.Header.Get("Nats-TTL"), letter.EventID)
	// Output: invoice.issued invoice-1001 1h BILLING.42.1779101999000000000.0
}

// The next replay of a letter's event says which event it is, and is a repeat of
// itself.
func ExampleOrigin_Mark() {
	header := nats.Header{}
	failed().Origin().Next("").Mark(header)
	fmt.Println(header.Get("Nats-Msg-Id"))

	replay := deadletter.OriginOf(header, &jetstream.MsgMetadata{Stream: "BILLING", Sequence: jetstream.SequencePair{Stream: 97}})
	fmt.Println(replay.Event, replay.Replays, replay.MsgID)
	// Output:
	// replay:BILLING.42.1779101999000000000.1
	// BILLING.42.1779101999000000000 1 invoice-1001
}

func ExampleMaskDetail() {
	detail := "customer Jane Doe (JANE@example.com, phone 56912345678): document is missing"
	fmt.Println(deadletter.MaskDetail(detail, []string{"Jane", "Doe", "jane@example.com", "+56 9 1234 5678"}))
	// Output: customer *** *** (***, phone ***): document is missing
}

// Find the letters of a shop, and replay them.
func ExampleStore_Replay() {
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
	if _, err := deadletter.Put(ctx, js, "DEADLETTERS", failed(), nc.MaxPayload()); err != nil {
		log.Fatal(err)
	}

	store, err := deadletter.Open(ctx, js, "")
	if err != nil {
		log.Fatal(err)
	}
	err = store.List(ctx, deadletter.Filter{Token: "invoice-*"}, func(e *deadletter.Entry) error {
		sent, err := store.Replay(ctx, e.ID)
		if err == nil {
			fmt.Println(e.ID, e.Letter.Reason, "is sent as", sent.Event)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = store.Replay(ctx, 1)
	fmt.Println(err)
	// Output:
	// 1 rejected is sent as BILLING.42.1779101999000000000.1
	// dead letter 1: there is no such dead letter; it may have been replayed or discarded
}
