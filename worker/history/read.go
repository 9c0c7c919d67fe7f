package history

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// maxBytes bounds a page: what waits in a subscription must fit the client's limit.
const maxBytes = 16 << 20

// readTries is how often a page is read again of which something got lost.
const readTries = 3

// errIncomplete is that something got lost, as it does to a reader that is too slow.
var errIncomplete = errors.New("messages were lost on the way")

// Log is what a stream keeps of a subject.
type Log struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	subject string
	single  bool // each message has to be asked for
}

// Page is a part of a log.
type Page struct {
	// Messages are in the order of the stream.
	Messages []*jetstream.RawStreamMsg
	// More says that there are later ones.
	More bool
}

// Open looks the stream up. The subject may have wildcards; "" is all of them.
func Open(ctx context.Context, js jetstream.JetStream, stream, subject string) (*Log, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	return Of(js, s, subject), nil
}

// Of is [Open] for a stream that has been looked up.
func Of(js jetstream.JetStream, stream jetstream.Stream, subject string) *Log {
	if subject == "" {
		subject = ">"
	}
	return &Log{js: js, stream: stream, subject: subject, single: !stream.CachedInfo().Config.AllowDirect}
}

// Last is the sequence of the stream's last message when it was looked up.
func (l *Log) Last() uint64 { return l.stream.CachedInfo().State.LastSeq }

// Read reads no more than n messages, from the sequence on. A page may have fewer,
// and be empty only where there is nothing more.
func (l *Log) Read(ctx context.Context, from uint64, n int) (page *Page, err error) {
	for range readTries {
		if page, err = l.read(ctx, max(1, from), n); !errors.Is(err, errIncomplete) || ctx.Err() != nil {
			break
		}
	}
	return page, err
}

func (l *Log) read(ctx context.Context, from uint64, n int) (*Page, error) {
	if l.single {
		return l.readSingly(ctx, from, n)
	}
	page, err := l.readBatch(ctx, from, n)
	if errors.Is(err, jetstreamext.ErrBatchUnsupported) { // before NATS 2.11, or nobody answers
		return l.readSingly(ctx, from, n)
	}
	return page, err
}

// pageTimeout bounds the wait for a page where the caller sets no bound.
const pageTimeout = 5 * time.Second

func (l *Log) readBatch(ctx context.Context, from uint64, n int) (*Page, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	batch, err := jetstreamext.GetBatch(ctx, l.js, l.stream.CachedInfo().Config.Name, n,
		jetstreamext.GetBatchSeq(from), jetstreamext.GetBatchSubject(l.subject), jetstreamext.GetBatchMaxBytes(maxBytes))
	if err != nil {
		return nil, err
	}
	page := new(Page)
	left := uint64(0)
	for msg, err := range batch {
		switch {
		case errors.Is(err, jetstreamext.ErrNoMessages):
			return page, nil
		case errors.Is(err, nats.ErrSlowConsumer):
			return nil, errIncomplete
		case err != nil:
			return nil, err
		}
		// Each message says how many come after it.
		after, err := strconv.ParseUint(msg.Header.Get("Nats-Num-Pending"), 10, 64)
		if err != nil || len(page.Messages) > 0 && after+1 != left {
			return nil, errIncomplete
		}
		left = after
		msg.Header = WithoutAdded(msg.Header)
		page.Messages = append(page.Messages, msg)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(page.Messages) == 0 {
		return nil, errIncomplete // the server says so where there is nothing
	}
	page.More = left > 0
	return page, nil
}

func (l *Log) readSingly(ctx context.Context, from uint64, n int) (*Page, error) {
	page := new(Page)
	for len(page.Messages) < n {
		msg, err := l.next(ctx, from)
		if err != nil || msg == nil {
			return page, err
		}
		page.Messages = append(page.Messages, msg)
		from = msg.Sequence + 1
	}
	page.More = true
	return page, nil
}

// next is the first message from the sequence on, nil where there is none.
func (l *Log) next(ctx context.Context, from uint64) (*jetstream.RawStreamMsg, error) {
	msg, err := l.stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(l.subject))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	msg.Header = WithoutAdded(msg.Header)
	return msg, nil
}

// Since is the sequence of the first message between low and high that was stored
// at that time or later, high+1 where none was.
func (l *Log) Since(ctx context.Context, at time.Time, low, high uint64) (uint64, error) {
	found := high + 1
	for low = max(1, low); low < found; {
		middle := low + (found-low)/2
		msg, err := l.next(ctx, middle)
		switch {
		case err != nil:
			return 0, err
		case msg == nil || msg.Sequence >= found || !msg.Time.Before(at):
			found = middle
		default:
			low = msg.Sequence + 1
		}
	}
	return found, nil
}

// WithoutAdded takes away the headers that the server adds to a message that it hands
// out, see
// https://docs.nats.io/nats-concepts/jetstream/streams
func WithoutAdded(header nats.Header) nats.Header {
	for _, name := range []string{"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Msg-Size", "Nats-Num-Pending", "Nats-Last-Sequence"} {
		delete(header, name)
	}
	return header
}
