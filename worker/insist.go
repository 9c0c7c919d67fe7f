package worker

import (
	"context"
	"errors"
	"time"

	"github.com/linkworker/linkworker/worker/claim"
)

// redisRetry is how long a step that must be written down waits before it asks Redis again.
const redisRetry = 200 * time.Millisecond

// insist does a step of the claim until it succeeds, the claim turns out to be lost, or ctx ends. It is for steps that
// follow something that cannot be taken back: while Redis is away the answer is kept here, the message is kept alive, and
// the rest of the worker pauses.
func (w *Worker) insist(ctx context.Context, step func() error) error {
	return insistWith(ctx, redisRetry, nil, w.redisAway, step)
}

// note is insist for a step that only spares the next worker something: it is given up when this worker is asked to end.
func (w *Worker) note(ctx context.Context, step func() error) error {
	return insistWith(ctx, redisRetry, w.stopping, w.redisAway, step)
}

func insistWith(ctx context.Context, every time.Duration, giveUp <-chan struct{}, failed func(error), step func() error) error {
	for {
		err := step()
		switch {
		case err == nil, errors.Is(err, claim.ErrLost), tooLarge(err):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		failed(err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-giveUp:
			return &errPaused{why: "stopping"}
		case <-time.After(every):
		}
	}
}
