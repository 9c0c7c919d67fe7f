package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotFound is that no dead letter has the id: there never was one, or it has
// been replayed or discarded.
var ErrNotFound = errors.New("there is no such dead letter; it may have been replayed or discarded")

// Errors of JetStream that have no name in nats.go, see the server's errors.json,
// https://github.com/nats-io/nats-server/blob/main/server/errors.json
const (
	codeHeaderTooLarge  jetstream.ErrorCode = 10097
	codeDuplicateIsBusy jetstream.ErrorCode = 10158
)

// Pace at which Put repeats itself while another publisher's copy of the same
// letter is being stored by the stream's replicas.
const (
	busyWait  = 50 * time.Millisecond
	busyTries = 40
)

// Put publishes a letter and waits until its stream has acknowledged it. It gives
// the letter's id, the sequence in the stream; a repeat gives the first one's. The
// acknowledgement must come from the given stream.
//
// maxPayload is as for [Letter.Message]. A stream that takes less than the server
// gets what it takes.
func Put(ctx context.Context, js jetstream.JetStream, stream string, l *Letter, maxPayload int64) (id uint64, err error) {
	forms, err := l.forms(maxPayload)
	if err != nil {
		return 0, err
	}
	var ack *jetstream.PubAck
	for _, msg := range forms {
		ack, err = publish(ctx, js, msg)
		if !tooLarge(err) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("dead letter %s: stream %s did not store it: %w", l.EventID, stream, err)
	}
	if ack.Stream != stream {
		return 0, fmt.Errorf("dead letter %s: stream %q acknowledged it in place of %s", l.EventID, ack.Stream, stream)
	}
	return ack.Sequence, nil
}

func publish(ctx context.Context, js jetstream.JetStream, msg *nats.Msg) (*jetstream.PubAck, error) {
	pace := backoff.WithContext(backoff.WithMaxRetries(backoff.NewConstantBackOff(busyWait), busyTries), ctx)
	return backoff.RetryWithData(func() (*jetstream.PubAck, error) {
		ack, err := js.PublishMsg(ctx, msg)
		if err != nil && !hasCode(err, codeDuplicateIsBusy) {
			return nil, backoff.Permanent(err)
		}
		return ack, err
	}, pace)
}

func tooLarge(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) ||
		hasCode(err, jetstream.JSErrCodeStreamMessageExceedsMaximum) || hasCode(err, codeHeaderTooLarge)
}

func hasCode(err error, code jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == code
}

// Get reads the letter with the id from its stream. The error is [ErrNotFound]
// where there is none.
func Get(ctx context.Context, stream jetstream.Stream, id uint64) (*Letter, error) {
	msg, err := stream.GetMsg(ctx, id)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, fmt.Errorf("dead letter %d: %w", id, ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("dead letter %d: it cannot be read: %w", id, err)
	}
	letter, err := Parse(msg.Subject, msg.Header, msg.Data)
	if err != nil {
		return nil, fmt.Errorf("message %d of the stream: %w", id, err)
	}
	return letter, nil
}
