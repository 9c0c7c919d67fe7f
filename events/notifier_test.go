package events_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// publishLink publishes the link.created of a token, as a repeat so that the
// stream does not drop it.
func publishLink(t *testing.T, js jetstream.JetStream, token string, asRepeat bool) {
	t.Helper()
	msg, err := events.EncodeLinkCreated("/linkworker", events.LinkCreatedID(token, ""), time.Now(), &events.LinkCreated{
		Kind: events.KindPaymentLink, CheckoutToken: token, URL: "https://checkout.example/" + token,
	})
	if err != nil {
		t.Fatal(err)
	}
	if asRepeat { // as after the duplicate window
		msg.Header.Del(nats.MsgIdHdr)
	}
	if _, err := js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
}

func publishFailure(t *testing.T, js jetstream.JetStream, event string) {
	t.Helper()
	msg, err := events.EncodeLinkFailed("/linkworker", events.LinkFailedID(event), time.Now(), &events.LinkFailed{
		Kind: events.KindPaymentLink, Reason: "rejected", DeadLetter: "1", FailedAt: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
}

// book is what a notifier did, in order.
type book struct {
	mu     sync.Mutex
	told   []string
	errors []string
}

func (b *book) tell(n events.Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, n.ID)
}

func (b *book) report(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors = append(b.errors, err.Error())
}

func (b *book) read() (told, errs []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.told), slices.Clone(b.errors)
}

// start runs a notifier and answers how to stop it and have Run's answer.
func start(t *testing.T, n *events.Notifier) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("the notifier does not stop")
		}
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return stop
}

// until waits for a condition, at most half a minute: a lost request is noticed after ten
// seconds.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// settled says that the durable consumer has nothing left to do.
func settled(t *testing.T, js jetstream.JetStream, durable string) func() bool {
	return func() bool {
		c, err := js.Consumer(t.Context(), events.StreamLinks, durable)
		if err != nil {
			return false
		}
		info, err := c.Info(t.Context())
		if err != nil || info.NumAckPending > 0 {
			return false
		}
		// A consumer just made may not have counted yet what it has to deliver.
		stream, err := js.Stream(t.Context(), events.StreamLinks)
		return err == nil && (info.AckFloor.Stream == stream.CachedInfo().State.LastSeq)
	}
}

func TestNotifierTellsEachOnce(t *testing.T) {
	js := jetStream(t)
	var b book
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(100), func(_ context.Context, n events.Notice) error {
		b.tell(n)
		return nil
	}, events.OnError(b.report))
	publishLink(t, js, "a", false)
	start(t, n)
	publishLink(t, js, "a", true)
	publishFailure(t, js, "BILLING.1.0")
	publishLink(t, js, "b", false)
	until(t, "three notices", func() bool { told, _ := b.read(); return len(told) >= 3 })
	until(t, "acknowledgements", settled(t, js, "mailer"))
	told, errs := b.read()
	if want := []string{"link.created:a", "link.failed:BILLING.1.0", "link.created:b"}; !slices.Equal(told, want) || len(errs) > 0 {
		t.Errorf("told %q, want %q; errors %q", told, want, errs)
	}
}

func TestNotifierGoesOnWhereItStopped(t *testing.T) {
	js := jetStream(t)
	var b book
	notifier := func() *events.Notifier {
		// A memory that does not outlive it: progress is the stream's matter.
		return events.NewNotifier(js, "mailer", events.NewMemorySeen(1), func(_ context.Context, n events.Notice) error {
			b.tell(n)
			return nil
		})
	}
	publishLink(t, js, "a", false)
	stop := start(t, notifier())
	until(t, "the first", settled(t, js, "mailer"))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	publishLink(t, js, "b", false)
	start(t, notifier())
	until(t, "the second", func() bool { told, _ := b.read(); return len(told) == 2 })
	until(t, "acknowledgements", settled(t, js, "mailer"))
	if told, _ := b.read(); !slices.Equal(told, []string{"link.created:a", "link.created:b"}) {
		t.Errorf("told %q", told)
	}
}

func TestNotifierTriesAgain(t *testing.T) {
	js := jetStream(t)
	var b book
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(10), func(_ context.Context, n events.Notice) error {
		b.tell(n)
		if told, _ := b.read(); len(told) < 4 {
			return errors.New("the mail server is away")
		}
		return nil
	}, events.OnError(b.report), events.RetryDelays(time.Millisecond, 4*time.Millisecond))
	publishLink(t, js, "a", false)
	start(t, n)
	until(t, "four tries", func() bool { told, _ := b.read(); return len(told) == 4 })
	until(t, "acknowledgement", settled(t, js, "mailer"))
	if told, errs := b.read(); len(told) != 4 || len(errs) != 3 || errs[0] != "the mail server is away" {
		t.Errorf("told %q, errors %q", told, errs)
	}
}

// flakySeen fails some times each way.
type flakySeen struct {
	memory       events.Seen
	mu           sync.Mutex
	seenFailures int
	markFailures int
}

func (f *flakySeen) fail(left *int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *left--; *left >= 0 {
		return errors.New("the database is away")
	}
	return nil
}

func (f *flakySeen) Seen(ctx context.Context, id string) (bool, error) {
	if err := f.fail(&f.seenFailures); err != nil {
		return false, err
	}
	return f.memory.Seen(ctx, id)
}

func (f *flakySeen) Mark(ctx context.Context, id string) error {
	if err := f.fail(&f.markFailures); err != nil {
		return err
	}
	return f.memory.Mark(ctx, id)
}

func TestNotifierWithoutItsMemory(t *testing.T) {
	js := jetStream(t)
	var b book
	seen := &flakySeen{memory: events.NewMemorySeen(10), seenFailures: 2, markFailures: 3}
	n := events.NewNotifier(js, "mailer", seen, func(_ context.Context, n events.Notice) error {
		b.tell(n)
		return nil
	}, events.OnError(b.report), events.RetryDelays(time.Millisecond, 4*time.Millisecond))
	publishLink(t, js, "a", false)
	start(t, n)
	until(t, "the notice", func() bool { told, _ := b.read(); return len(told) > 0 })
	until(t, "acknowledgement", settled(t, js, "mailer"))
	// Not told before it could ask, and not again because it could not mark.
	if told, errs := b.read(); len(told) != 1 || len(errs) != 5 {
		t.Errorf("told %q, errors %q", told, errs)
	}
	if marked, err := seen.memory.Seen(t.Context(), "link.created:a"); !marked || err != nil {
		t.Errorf("marked: %v, %v", marked, err)
	}
}

func TestNotifierPutsRubbishAway(t *testing.T) {
	js := jetStream(t)
	var b book
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(10), func(_ context.Context, n events.Notice) error {
		b.tell(n)
		return nil
	}, events.OnError(b.report))
	if _, err := js.Publish(t.Context(), events.SubjectLinkCreated, []byte(`{"jane":`)); err != nil {
		t.Fatal(err)
	}
	publishLink(t, js, "a", false)
	start(t, n)
	until(t, "the notice", func() bool { told, _ := b.read(); return len(told) == 1 })
	until(t, "acknowledgements", settled(t, js, "mailer"))
	if _, errs := b.read(); len(errs) != 1 || strings.Contains(errs[0], "jane") {
		t.Errorf("errors %q", errs)
	}
}

func TestNotifierFromNow(t *testing.T) {
	js := jetStream(t)
	var b book
	publishLink(t, js, "old", false)
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(10), func(_ context.Context, n events.Notice) error {
		b.tell(n)
		return nil
	}, events.FromNow())
	start(t, n)
	until(t, "the consumer", settled(t, js, "mailer"))
	publishLink(t, js, "new", false)
	until(t, "the notice", func() bool { told, _ := b.read(); return len(told) > 0 })
	if told, _ := b.read(); !slices.Equal(told, []string{"link.created:new"}) {
		t.Errorf("told %q", told)
	}
}

// A handler that takes longer than the acknowledgement wait keeps its message.
func TestNotifierHoldsWhatIsInWork(t *testing.T) {
	js := jetStream(t)
	const ackWait = 300 * time.Millisecond
	_, err := js.CreateConsumer(t.Context(), events.StreamLinks, jetstream.ConsumerConfig{
		Durable: "mailer", AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
	})
	if err != nil {
		t.Fatal(err)
	}
	var b book
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(10), func(_ context.Context, n events.Notice) error {
		b.tell(n)
		time.Sleep(3 * ackWait) // the work itself
		return nil
	}, events.OnError(b.report))
	publishLink(t, js, "a", false)
	start(t, n)
	start(t, n)
	until(t, "the notice", func() bool { told, _ := b.read(); return len(told) > 0 })
	until(t, "acknowledgement", settled(t, js, "mailer"))
	if told, errs := b.read(); len(told) != 1 || len(errs) > 0 {
		t.Errorf("told %q, errors %q", told, errs)
	}
}

// What the handler has done is marked and acknowledged though the notifier is to
// stop meanwhile.
func TestNotifierFinishesWhatIsDone(t *testing.T) {
	js := jetStream(t)
	seen := events.NewMemorySeen(10)
	working, finish := make(chan struct{}), make(chan struct{})
	n := events.NewNotifier(js, "mailer", seen, func(context.Context, events.Notice) error {
		close(working)
		<-finish
		return nil
	})
	publishLink(t, js, "a", false)
	stop := start(t, n)
	<-working
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	close(finish)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if marked, err := seen.Seen(t.Context(), "link.created:a"); !marked || err != nil {
		t.Errorf("marked: %v, %v", marked, err)
	}
	if !settled(t, js, "mailer")() {
		t.Error("not acknowledged")
	}
}

// A backlog does not keep a notifier from stopping, and the rest stays there.
func TestNotifierStopsBeforeABacklog(t *testing.T) {
	js := jetStream(t)
	for _, token := range []string{"a", "b", "c"} {
		publishLink(t, js, token, false)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var b book
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(10), func(_ context.Context, n events.Notice) error {
		b.tell(n)
		cancel()
		return nil
	})
	if err := n.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if told, _ := b.read(); !slices.Equal(told, []string{"link.created:a"}) {
		t.Errorf("told %q", told)
	}
}

func TestNotifierNeedsItsStream(t *testing.T) {
	js := jetStream(t)
	if err := js.DeleteStream(t.Context(), events.StreamLinks); err != nil {
		t.Fatal(err)
	}
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(1), nil)
	if err := n.Run(t.Context()); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Run(ctx); err != nil {
		t.Errorf("a notifier that is to stop: got %v", err)
	}
}

func TestNotifierGetsOverALostConsumer(t *testing.T) {
	js := jetStream(t)
	var b book
	n := events.NewNotifier(js, "mailer", events.NewMemorySeen(10), func(_ context.Context, n events.Notice) error {
		b.tell(n)
		return nil
	}, events.OnError(b.report))
	start(t, n)
	publishLink(t, js, "a", false)
	until(t, "the first", func() bool { told, _ := b.read(); return len(told) == 1 })
	until(t, "acknowledgement", settled(t, js, "mailer"))
	if err := js.DeleteConsumer(t.Context(), events.StreamLinks, "mailer"); err != nil {
		t.Fatal(err)
	}
	until(t, "the report", func() bool { _, errs := b.read(); return len(errs) > 0 })
	publishLink(t, js, "b", false)
	until(t, "the second", func() bool { told, _ := b.read(); return len(told) == 2 })
}
