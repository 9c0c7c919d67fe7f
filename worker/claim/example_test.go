package claim_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/embedded"
)

// Two deliveries of one invoice: the first gets the work, the second is held off, and later learns that it is done.
func Example() {
	server, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		log.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer rdb.Close()

	ctx := context.Background()
	store := claim.New(rdb, "example", time.Hour, 15*time.Second)
	request := claim.Request{Token: "invoice-1001", Event: "BILLING.17.0", Message: "BILLING.17", Terms: []byte(`{"currency":"CLP"}`)}

	first, err := store.Take(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	second, err := store.Take(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(first.Outcome, second.Outcome)

	if err := first.Claim.Record(ctx, []byte(`{"url":"https://…"}`), time.Time{}); err != nil {
		log.Fatal(err)
	}
	// … link.created is published and acknowledged …
	if err := first.Claim.Publish(ctx); err != nil {
		log.Fatal(err)
	}
	third, err := store.Take(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(third.Outcome, string(third.Answer))
	// Output:
	// taken busy
	// published {"url":"https://…"}
}
