package main

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// consumers counts the consumers of all streams, -1 where that is not known.
func consumers(serverURL string) int {
	nc, err := nats.Connect(serverURL)
	if err != nil {
		return -1
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return -1
	}
	ctx, cancel := testContext()
	defer cancel()
	info, err := js.AccountInfo(ctx)
	if err != nil {
		return -1
	}
	return info.Consumers
}

func portOf(t *testing.T, serverURL string) int {
	t.Helper()
	u, err := url.Parse(serverURL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
