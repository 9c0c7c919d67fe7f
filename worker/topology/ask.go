package topology

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/linkworker/linkworker/worker/rights"
)

const (
	// askTimeout bounds one question: a cluster does not answer while it elects who
	// would.
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
		err := rights.Heed(ctx, a.js.Conn(), question)
		var missing *rights.Missing
		switch {
		case errors.As(err, &missing) && !missing.Inbox && !strings.HasPrefix(missing.Subject, a.prefix()+right):
			return err // something else was refused meanwhile, on the same connection
		case err == nil, missing != nil, !passing(err):
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
