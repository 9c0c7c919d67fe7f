package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Handler tells someone of one notice. An error brings the notice again, later
// each time. Its context ends when the notifier is to stop.
type Handler func(ctx context.Context, n Notice) error

// Notifier consumes link.created and link.failed, each once as far as its [Seen]
// remembers: a notice is marked after the handler succeeded and acknowledged after
// it is marked. A crash between the handler's success and the mark brings the
// notice again, so whoever may not even then send twice hands [Notice.ID] on as
// an idempotency key.
//
// Notices are handled one at a time; several notifiers with the same durable name
// share the work.
type Notifier struct {
	js      jetstream.JetStream
	durable string
	seen    Seen
	handler Handler

	deliver     jetstream.DeliverPolicy
	ackWait     time.Duration
	firstDelay  time.Duration
	maxDelay    time.Duration
	reportError func(error)
}

// NotifierOption changes what [NewNotifier] makes.
type NotifierOption func(*Notifier)

// FromNow makes a notifier that runs for the first time begin with what comes
// next, where it would begin with the oldest event that the stream keeps. A
// notifier that has run before goes on where it stopped.
func FromNow() NotifierOption {
	return func(n *Notifier) { n.deliver = jetstream.DeliverNewPolicy }
}

// RetryDelays sets how long a notice whose handler failed waits: first, doubling up
// to longest. The default is one second up to five minutes.
func RetryDelays(first, longest time.Duration) NotifierOption {
	return func(n *Notifier) { n.firstDelay, n.maxDelay = first, longest }
}

// OnError makes the notifier report what went wrong and is tried again. The
// handler's errors come as they are; the notifier's own hold no payer's values.
func OnError(report func(error)) NotifierOption {
	return func(n *Notifier) { n.reportError = report }
}

// NewNotifier makes a notifier. durable is the name of its consumer on the stream
// that carries [SubjectLinkCreated]: the name is what the stream remembers its
// progress under. A consumer that exists is used as it is.
func NewNotifier(js jetstream.JetStream, durable string, seen Seen, handler Handler, opts ...NotifierOption) *Notifier {
	n := &Notifier{
		js: js, durable: durable, seen: seen, handler: handler,
		deliver:    jetstream.DeliverAllPolicy,
		ackWait:    30 * time.Second,
		firstDelay: time.Second, maxDelay: 5 * time.Minute,
		reportError: func(error) {},
	}
	for _, opt := range opts {
		opt(n)
	}
	return n
}

// reopenDelay is how long Run waits before it opens a consumer again that was
// lost.
const reopenDelay = time.Second

// Run handles notices until the context ends, and then answers nil. It fails
// where its consumer cannot be had at the start; once it runs, it gets over a lost
// connection and a lost consumer by itself.
func (n *Notifier) Run(ctx context.Context) error {
	consumer, err := n.consumer(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("notifier %s: %w", n.durable, err)
	}
	for {
		if err = n.consume(ctx, consumer); ctx.Err() != nil {
			return nil
		}
		for err != nil {
			n.reportError(fmt.Errorf("notifier %s: %w", n.durable, err))
			if !sleep(ctx, reopenDelay) {
				return nil
			}
			consumer, err = n.consumer(ctx)
		}
	}
}

// consumer finds the durable consumer or makes it.
func (n *Notifier) consumer(ctx context.Context) (jetstream.Consumer, error) {
	stream, err := StreamOf(ctx, n.js, SubjectLinkCreated)
	if err != nil {
		return nil, fmt.Errorf("find the stream of %s: %w", SubjectLinkCreated, err)
	}
	consumer, err := n.js.Consumer(ctx, stream, n.durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return n.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
			Durable:        n.durable,
			FilterSubjects: []string{SubjectLinkCreated, SubjectLinkFailed},
			AckPolicy:      jetstream.AckExplicitPolicy,
			DeliverPolicy:  n.deliver,
			AckWait:        n.ackWait,
			MaxDeliver:     -1,
		})
	}
	return consumer, err
}

// consume handles messages until the context or the consumer ends; it always
// answers an error.
func (n *Notifier) consume(ctx context.Context, consumer jetstream.Consumer) error {
	ackWait := consumer.CachedInfo().Config.AckWait
	// One at a time: what waits here would run out of its acknowledgement wait.
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1), jetstream.PullHeartbeat(pullHeartbeat))
	if err != nil {
		return err
	}
	defer giveBack(messages)
	for {
		msg, err := next(ctx, messages)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			_ = msg.Nak() // lost, it is as if it had not been tried
			return ctx.Err()
		}
		if err := n.handle(ctx, msg, ackWait); err != nil {
			n.reportError(err)
		}
	}
}

const (
	// pullHeartbeat is how often the server shows that a request for messages
	// still stands; without two of them the consumer is opened anew.
	pullHeartbeat = 5 * time.Second
	// nudge is how long the first look for a message takes.
	nudge = 50 * time.Millisecond
)

// next waits for a message in two steps. The iterator asks the server for one as
// Next is called, but not while its last request is still being sent: called too
// soon after a message it would wait for an answer that nobody was asked for,
// until the heartbeat is missed. The second call asks.
func next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	msg, err := messages.Next(jetstream.NextMaxWait(nudge))
	if errors.Is(err, nats.ErrTimeout) {
		return messages.Next(jetstream.NextContext(ctx))
	}
	return msg, err
}

// giveBack ends the iterator. A message that came while it was ending goes back,
// where it would wait for its acknowledgement wait to run out.
func giveBack(messages jetstream.MessagesContext) {
	messages.Drain()
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextMaxWait(settleTimeout))
		if err != nil {
			return
		}
		_ = msg.Nak() // lost, it is as if it had not been tried
	}
}

// handle brings one message to its end.
func (n *Notifier) handle(ctx context.Context, msg jetstream.Msg, ackWait time.Duration) error {
	notice, err := DecodeNotice(msg.Subject(), msg.Headers(), msg.Data())
	if err != nil {
		// No other try would read it.
		return errors.Join(err, msg.TermWithReason("not a notice"))
	}
	stop := keepWaiting(msg, ackWait)
	err = n.tell(ctx, notice)
	stop()
	if err != nil {
		return errors.Join(err, msg.NakWithDelay(n.delay(msg)))
	}
	// The server's answer is awaited, so that a lost one is known of; the mark
	// holds should the notice come again.
	ctx, cancel := settleContext(ctx)
	defer cancel()
	return msg.DoubleAck(ctx)
}

// tell runs the handler for a notice that is new, and marks it.
func (n *Notifier) tell(ctx context.Context, notice Notice) error {
	seen, err := n.seen.Seen(ctx, notice.ID)
	if err != nil {
		return fmt.Errorf("ask whether %s was seen: %w", notice.ID, err)
	}
	if seen {
		return nil
	}
	if err := n.handler(ctx, notice); err != nil {
		return err
	}
	// From here on a failure must not run the handler again: the mark alone is
	// tried, and the message held, until it succeeds.
	for pause := n.firstDelay; ; pause = min(2*pause, n.maxDelay) {
		err := n.mark(ctx, notice.ID)
		if err == nil {
			return nil
		}
		err = fmt.Errorf("mark %s as seen: %w", notice.ID, err)
		if ctx.Err() != nil {
			return err
		}
		n.reportError(err)
		if !sleep(ctx, pause) {
			return err
		}
	}
}

func (n *Notifier) mark(ctx context.Context, id string) error {
	ctx, cancel := settleContext(ctx)
	defer cancel()
	return n.seen.Mark(ctx, id)
}

// settleTimeout bounds the steps after the handler's success, which a stop must
// not cut short: the notice would come again.
const settleTimeout = 5 * time.Second

func settleContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
}

// delay grows with each delivery.
func (n *Notifier) delay(msg jetstream.Msg) time.Duration {
	d := n.firstDelay
	if meta, err := msg.Metadata(); err == nil {
		for i := uint64(1); i < meta.NumDelivered && d < n.maxDelay; i++ {
			d *= 2
		}
	}
	return min(d, n.maxDelay)
}

// keepWaiting tells the server every third of the acknowledgement wait that the
// message is in work, until stop is called.
func keepWaiting(msg jetstream.Msg, ackWait time.Duration) (stop func()) {
	if ackWait <= 0 {
		return func() {}
	}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(max(ackWait/3, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				// Should it be lost, the next one is sent soon enough.
				_ = msg.InProgress()
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// sleep says whether the whole time went by.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
