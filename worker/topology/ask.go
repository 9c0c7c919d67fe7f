package topology

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	// askTimeout bounds one question. A server does not answer what the user may
	// not ask, and a cluster not while it elects who would answer.
	askTimeout = 2 * time.Second
	// askFor is how long a question without an answer is repeated.
	askFor = 10 * time.Second
)

// ask puts a question to JetStream, again where there is no answer. Each question
// here may be repeated: to make the same thing twice makes it once.
func (a asker) ask(ctx context.Context, right string, question func(context.Context) error) error {
	pace := backoff.NewExponentialBackOff(backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(askFor))
	return backoff.Retry(func() error {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		err := question(ctx)
		if err == nil || !passing(err) || a.denied(a.prefix()+right) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(pace, ctx))
}

// passing says that the same question may be answered a moment later. A cluster that comes up has not met all its servers
// yet, and says that there are none for the copies.
func passing(err error) bool {
	code := codeOf(err)
	return unanswered(err) || code == codeUnavailable || code == codeNoPeers
}
