package rights

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// heedEvery is how often it is looked whether the server has complained.
const heedEvery = 10 * time.Millisecond

// Heed asks a question and ends its context when the server complains: then the error is a [*Missing]. Whatever is refused
// on the connection meanwhile is taken for the question, so ask one after the other.
func Heed(ctx context.Context, nc *nats.Conn, question func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before := nc.LastError()
	look := func() *Missing {
		if err := nc.LastError(); err != before {
			return Read(nc, err)
		}
		return nil
	}
	done, watched := make(chan struct{}), make(chan *Missing, 1)
	go func() {
		for {
			if missing := look(); missing != nil {
				cancel()
				watched <- missing
				return
			}
			select {
			case <-done:
				watched <- look() // the question may have ended for what nobody has seen yet
				return
			case <-time.After(heedEvery):
			}
		}
	}()
	err := question(ctx)
	close(done)
	if missing := <-watched; err != nil && missing != nil {
		return missing
	}
	return err
}
