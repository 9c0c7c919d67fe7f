package worker

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/worker/deadletter"
)

const (
	// windowBytes bounds the bytes of messages in work, for each receiver.
	windowBytes = 16 << 20
	// overhead is what a message takes beside its headers and body.
	overhead = 4 << 10
)

// receiver takes the messages of one subject in.
type receiver struct {
	worker   *Worker
	subject  string
	consumer string
	class    class
	window   *window
}

// run asks for as many messages as there are places, again and again, until ctx ends. While the worker is paused it asks
// for none.
func (r *receiver) run(ctx context.Context) {
	pace := backoff.NewExponentialBackOff(backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	ended := make(chan error, 1)
	for {
		select {
		case err := <-ended:
			if err == nil {
				pace.Reset()
			} else {
				r.failed(ctx, err, pace.NextBackOff())
			}
		default:
		}
		select {
		case <-ctx.Done():
			return
		case <-r.worker.gate.opened():
		}
		places, bytes, err := r.window.reserve(ctx, int(r.worker.nats.MaxPayload())+overhead)
		if err != nil {
			return
		}
		r.worker.receiving.Go(func() {
			select {
			case ended <- r.ask(ctx, places, bytes):
			default: // one word on how it goes is enough to act on
			}
		})
	}
}

// ask makes one request and starts the work on each message as it comes. Several requests overlap.
func (r *receiver) ask(ctx context.Context, places, bytes int) error {
	p := &pull{
		nc: r.worker.nats, stream: r.worker.streams.name(r.subject), consumer: r.consumer, messages: places, bytes: bytes,
		reconnected: r.worker.reconnected.wait(),
	}
	p.take = func(msg *nats.Msg) {
		size := len(msg.Data) + overhead
		places, bytes = places-1, bytes-size
		r.worker.begin(r.class, msg, &place{window: r.window, bytes: size})
	}
	err := p.do(ctx)
	r.window.giveBack(places, bytes)
	return err
}

// failed mends what can be mended after a request that went wrong, and waits a little.
func (r *receiver) failed(ctx context.Context, err error, delay time.Duration) {
	log := r.worker.log
	switch {
	case ctx.Err() != nil || !r.worker.nats.IsConnected():
	case errors.Is(err, errConsumerGone):
		log.Error("a consumer is gone; looking for it, or making it again", "subject", r.subject, "consumer", r.consumer)
		if err := r.worker.streams.restore(ctx); err != nil && ctx.Err() == nil {
			log.Error("the consumer could not be made again", "subject", r.subject, "error", err)
		}
	case errors.Is(err, errSilent):
		log.Debug("a request for messages was forgotten; asking again", "subject", r.subject)
	default:
		log.Warn("asking for messages failed", "subject", r.subject, "error", err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(delay):
	}
}

// begin hands a message to a goroutine that works on nothing else until it is settled.
func (w *Worker) begin(c class, msg *nats.Msg, p *place) {
	meta, err := msg.Metadata()
	if err != nil { // not a message of JetStream: nothing can be settled
		w.log.Error("a message without metadata is left alone", "subject", msg.Subject, "error", err)
		p.free()
		return
	}
	d := &delivery{
		msg: msg, class: c, place: p, told: time.Now(), meta: jetstream.MsgMetadata{
			Stream: meta.Stream, Consumer: meta.Consumer, Domain: meta.Domain, Sequence: jetstream.SequencePair(meta.Sequence),
			NumDelivered: meta.NumDelivered, NumPending: meta.NumPending, Timestamp: meta.Timestamp,
		},
	}
	d.origin = deadletter.OriginOf(msg.Header, &d.meta)
	d.named = d.origin.ID()
	w.crew.work(d)
}
