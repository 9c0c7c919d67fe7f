package events_test

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// startJetStream runs a NATS server inside the test, with the streams of an
// installation.
func startJetStream() (js jetstream.JetStream, stop func(), err error) {
	dir, err := os.MkdirTemp("", "events")
	if err != nil {
		return nil, nil, err
	}
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.Start()
	var nc *nats.Conn
	stop = func() {
		if nc != nil {
			nc.Close()
		}
		s.Shutdown()
		s.WaitForShutdown()
		_ = os.RemoveAll(dir)
	}
	if !s.ReadyForConnections(10 * time.Second) {
		stop()
		return nil, nil, errors.New("the NATS server does not start")
	}
	closed := make(chan struct{})
	nc, err = nats.Connect("", nats.InProcessServer(s), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		stop()
		return nil, nil, err
	}
	stopServer := stop
	stop = func() {
		nc.Close()
		<-closed // its goroutines are gone by then
		stopServer()
	}
	if js, err = jetstream.New(nc); err == nil {
		err = createStreams(js)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return js, stop, nil
}

func createStreams(js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: events.StreamBilling, Subjects: []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested}, Duplicates: time.Hour,
	})
	if err != nil {
		return err
	}
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{
		Name: events.StreamLinks, Subjects: []string{events.SubjectLinkCreated, events.SubjectLinkFailed}, Duplicates: time.Hour,
	})
	return err
}
