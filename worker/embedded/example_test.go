package embedded_test

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/embedded"
)

func ExampleStartNATS() {
	server, err := embedded.StartNATS(embedded.NATSOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	conn, err := nats.Connect(server.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "BILLING", Subjects: []string{"invoice.issued"}}); err != nil {
		fmt.Println(err)
		return
	}
	ack, err := js.Publish(ctx, "invoice.issued", []byte(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ack.Stream, ack.Sequence)
	// Output: BILLING 1
}

func ExampleStartRedis() {
	server, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	opts, err := redis.ParseURL(server.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	client := redis.NewClient(opts)
	defer client.Close()
	ctx := context.Background()
	if err := client.Set(ctx, "linkworker:example", "kept", 0).Err(); err != nil {
		fmt.Println(err)
		return
	}
	server.Stop()
	if err := server.Restart(); err != nil { // an outage later
		fmt.Println(err)
		return
	}
	fmt.Println(client.Get(ctx, "linkworker:example").Val())
	// Output: kept
}
