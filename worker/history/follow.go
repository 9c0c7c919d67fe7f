package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// lookEvery is how soon a message is seen that comes.
	lookEvery = 250 * time.Millisecond
	// followPage is how many messages are read at once.
	followPage = 512
)

// Follow hands on each message from the sequence on, those that are there and those
// that come, until ctx ends. It gets over a server that is away; an error is the
// last.
func (l *Log) Follow(ctx context.Context, from uint64) iter.Seq2[*jetstream.RawStreamMsg, error] {
	return func(yield func(*jetstream.RawStreamMsg, error) bool) {
		for {
			page, err := l.Read(ctx, from, followPage)
			if ctx.Err() != nil {
				return
			}
			if err = l.lasting(ctx, err); err != nil {
				yield(nil, err)
				return
			}
			if page != nil {
				for _, msg := range page.Messages {
					if !yield(msg, nil) {
						return
					}
					from = msg.Sequence + 1
				}
				if page.More {
					continue
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(lookEvery):
			}
		}
	}
}

// lasting is nil where the same question may be answered a moment later: the
// connection may be away, or the stream without a leader.
func (l *Log) lasting(ctx context.Context, err error) error {
	switch {
	case err == nil || !l.js.Conn().IsConnected() && !l.js.Conn().IsClosed():
		return nil
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrStreamNotFound):
		_, err := l.js.Stream(ctx, l.stream.CachedInfo().Config.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("stream %s: %w", l.stream.CachedInfo().Config.Name, err)
		}
		return nil
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, nats.ErrDisconnected), errors.Is(err, errIncomplete):
		return nil
	default:
		return err
	}
}
