package story

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
)

const (
	// batch is how many messages are asked for at once; the largest events are 256 KiB.
	batch = 200
	// idle is how long the server keeps a consumer that is not asked any more.
	idle = 10 * time.Second
)

// search looks through the streams from story.Since on.
func (t *telling) search(ctx context.Context) {
	if t.NATS == nil {
		return
	}
	since := t.story.Since
	for _, c := range t.carriers(ctx, PlaceBilling, events.StreamBilling, events.SubjectInvoiceIssued, events.SubjectSessionRequested) {
		t.searchEvents(ctx, c, since)
	}
	t.seeQueue(ctx)
	for _, c := range t.carriers(ctx, PlaceLinks, events.StreamLinks, events.SubjectLinkCreated, events.SubjectLinkFailed) {
		t.searchNotices(ctx, c, since, time.Time{})
	}
	t.searchLetters(ctx, since)
}

func (t *telling) searchEvents(ctx context.Context, c carrying, since time.Time) {
	t.walk(ctx, PlaceBilling, c.stream, jetstream.ConsumerConfig{FilterSubjects: c.subjects, OptStartTime: &since}, time.Time{}, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) {
		if mayBeOf(msg.Data(), t.question.Token) {
			t.event(&stored{meta.Stream, meta.Sequence.Stream, meta.Timestamp, msg.Subject(), msg.Headers(), msg.Data()})
		}
	})
}

// mayBeOf rules most events out without decoding them: the token stands in the text as it is, unless something there is
// escaped, or the data are wrapped up.
func mayBeOf(data []byte, token string) bool {
	return bytes.Contains(data, []byte(token)) || bytes.IndexByte(data, '\\') >= 0 || bytes.Contains(data, []byte("data_base64"))
}

func (t *telling) searchNotices(ctx context.Context, c carrying, since, until time.Time) {
	var found []uint64
	t.walk(ctx, PlaceLinks, c.stream, jetstream.ConsumerConfig{
		FilterSubjects: c.subjects, OptStartTime: &since, HeadersOnly: true,
	}, until, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) {
		if t.isNotice(msg) {
			found = append(found, meta.Sequence.Stream)
		}
	})
	for _, sequence := range found {
		if msg := t.message(ctx, PlaceLinks, c.stream, sequence); msg != nil {
			t.notice(rawOf(c.stream, msg))
		}
	}
}

// subjectOf is the ce-subject, which is the token.
func subjectOf(header nats.Header) string {
	held := header.Get("ce-subject")
	if token, err := url.PathUnescape(held); err == nil {
		return token
	}
	return held
}

func (t *telling) searchLetters(ctx context.Context, since time.Time) {
	s := t.carrier(ctx, PlaceDeadLetters, events.StreamDeadLetters, events.DeadLetterPrefix+events.SubjectInvoiceIssued)
	if s == nil {
		return
	}
	name := s.CachedInfo().Config.Name
	t.announce(s)
	err := t.heed(ctx, func(ctx context.Context) error {
		store, err := deadletter.Open(ctx, t.NATS, name)
		if err != nil {
			return err
		}
		return store.List(ctx, deadletter.Filter{Token: literally(t.question.Token), Since: since}, func(e *deadletter.Entry) error {
			if e.Letter != nil {
				t.story.Messages++
				t.letter(e, name)
			}
			return nil
		})
	})
	if err != nil {
		t.unread(PlaceDeadLetters, "the stream "+name, err)
		return
	}
	t.answered(PlaceDeadLetters)
}

// literally is the pattern of the token alone, as a letter's header has it.
func literally(token string) string {
	token = textproto.TrimString(strings.NewReplacer("\u2028", " ", "\u2029", " ").Replace(token))
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(token)
}

func (t *telling) announce(s jetstream.Stream) {
	if t.question.Searching != nil {
		t.question.Searching(s.CachedInfo().Config.Name, s.CachedInfo().State.Msgs)
	}
}

var errLost = errors.New("messages were lost on the way; try again")

// walk hands on what the consumer brings, up to what there was when it began, or to until.
func (t *telling) walk(ctx context.Context, place Place, s jetstream.Stream, c jetstream.ConsumerConfig, until time.Time, each func(jetstream.Msg, *jetstream.MsgMetadata)) {
	name := s.CachedInfo().Config.Name
	t.announce(s)
	c.DeliverPolicy, c.AckPolicy = jetstream.DeliverByStartTimePolicy, jetstream.AckNonePolicy
	c.InactiveThreshold, c.MemoryStorage, c.Replicas = idle, true, 1
	var consumer jetstream.Consumer
	err := t.ask(ctx, func(ctx context.Context) (err error) {
		consumer, err = s.CreateConsumer(ctx, c)
		return err
	})
	if err != nil {
		t.unread(place, "the stream "+name, err)
		return
	}
	for read, left := uint64(0), consumer.CachedInfo().NumPending; left > 0; {
		var done bool
		n := uint64(0)
		err := t.ask(ctx, func(ctx context.Context) error {
			messages, err := consumer.Fetch(int(min(batch, left)), jetstream.FetchContext(ctx))
			if err != nil {
				return err
			}
			for msg := range messages.Messages() {
				meta, err := msg.Metadata()
				if err != nil {
					return err
				}
				if n++; meta.Sequence.Consumer != read+n {
					return errLost
				}
				if !until.IsZero() && meta.Timestamp.After(until) {
					done = true
					continue
				}
				each(msg, meta)
			}
			return messages.Error()
		})
		t.story.Messages += int(n)
		if err == nil && n == 0 {
			err = errLost
		}
		if err != nil {
			t.unread(place, "the stream "+name, err)
			return
		}
		if read, left = read+n, left-min(n, left); done {
			break
		}
	}
	t.answered(place)
}

// progress is how far the worker is with a subject.
type progress struct{ delivered, floor uint64 }

// seeQueue asks how far the worker is, for what it has not come to yet.
func (t *telling) seeQueue(ctx context.Context) {
	t.queue = map[string]*progress{}
	for subject, name := range map[string]string{
		events.SubjectInvoiceIssued: events.ConsumerInvoices, events.SubjectSessionRequested: events.ConsumerSessions,
	} {
		s := t.carrier(ctx, PlaceBilling, events.StreamBilling, subject)
		if s == nil {
			continue
		}
		err := t.ask(ctx, func(ctx context.Context) error {
			consumer, err := s.Consumer(ctx, name)
			if err == nil {
				info := consumer.CachedInfo()
				t.queue[subject] = &progress{info.Delivered.Stream, info.AckFloor.Stream}
			}
			return err
		})
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			t.queue[subject] = &progress{} // no worker has ever run
		} else if err != nil {
			t.unread(PlaceBilling, fmt.Sprintf("how far the worker is with %s", subject), err)
		}
	}
}
