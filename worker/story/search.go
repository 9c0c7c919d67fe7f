package story

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/history"
)

// batch is how many messages are asked for at once.
const batch = 1000

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
	t.walk(ctx, PlaceBilling, c, since, time.Time{}, func(m *stored) {
		if mayBeOf(m.data, t.question.Token) {
			t.event(m)
		}
	})
}

// mayBeOf rules most events out without decoding them: the token stands in the text as it is, unless something there is
// escaped, or the data are wrapped up.
func mayBeOf(data []byte, token string) bool {
	return bytes.Contains(data, []byte(token)) || bytes.IndexByte(data, '\\') >= 0 || bytes.Contains(data, []byte("data_base64"))
}

func (t *telling) searchNotices(ctx context.Context, c carrying, since, until time.Time) {
	t.walk(ctx, PlaceLinks, c, since, until, func(m *stored) {
		if subjectOf(m.header) == t.question.Token {
			t.notice(m)
		}
	})
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

// literally is the pattern of the token alone.
func literally(token string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(token)
}

func (t *telling) announce(s jetstream.Stream) {
	if t.question.Searching != nil {
		t.question.Searching(s.CachedInfo().Config.Name, s.CachedInfo().State.Msgs)
	}
}

// walk hands on what the stream has of the subjects from since on, up to what there was when it was opened, or to until.
func (t *telling) walk(ctx context.Context, place Place, c carrying, since, until time.Time, each func(*stored)) {
	name := c.stream.CachedInfo().Config.Name
	t.announce(c.stream)
	subject := "" // all there are, where several are meant
	if len(c.subjects) == 1 {
		subject = c.subjects[0]
	}
	log := history.Of(t.NATS, c.stream, subject)
	err := t.heed(ctx, func(ctx context.Context) error {
		from, err := log.Since(ctx, since, c.stream.CachedInfo().State.FirstSeq, log.Last())
		for err == nil && from <= log.Last() {
			var page *history.Page
			if page, err = log.Read(ctx, from, batch); err != nil {
				break
			}
			t.story.Messages += len(page.Messages)
			for _, msg := range page.Messages {
				if !until.IsZero() && msg.Time.After(until) {
					return nil
				}
				each(rawOf(c.stream, msg))
				from = msg.Sequence + 1
			}
			if !page.More || len(page.Messages) == 0 {
				break
			}
		}
		return err
	})
	if err != nil {
		t.unread(place, "the stream "+name, err)
		return
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
