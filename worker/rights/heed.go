package rights

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// heedEvery is how often it is looked whether the server has complained.
const heedEvery = 10 * time.Millisecond

// Heed asks a question and ends its context when the server complains: then the error is a [*Missing]. Whatever is refused
// on the connection meanwhile is taken for the question, so ask one after the other.
func Heed(ctx context.Context, nc *nats.Conn, question func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	before := nc.LastError()
	done, watched := make(chan struct{}), make(chan struct{})
	look := func() bool {
		err := nc.LastError()
		if err == before {
			return false
		}
		missing := Read(nc, err)
		if missing != nil {
			cancel(missing)
		}
		return missing != nil
	}
	go func() {
		defer close(watched)
		for !look() {
			select {
			case <-done:
				look() // the question may have ended for what nobody has seen yet
				return
			case <-time.After(heedEvery):
			}
		}
	}()
	err := question(ctx)
	close(done)
	<-watched
	var missing *Missing
	if err != nil && errors.As(context.Cause(ctx), &missing) {
		return missing
	}
	return err
}
