package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/rights"
)

// guarded is a connection to NATS for a command that needs every right that it uses. The server does not answer what the
// user may not ask, it complains beside the question; so the first complaint ends all that waits, and is the command's
// error.
type guarded struct {
	nc *nats.Conn
	js jetstream.JetStream
	// refused ends with the first complaint, which is its cause.
	refused context.Context
}

// openGuarded connects. Other errors of the connection are reported to other, where it is not nil: whatever they spoil
// says so itself, too.
func openGuarded(cfg *config.Config, other func(error), more ...nats.Option) (*guarded, error) {
	refused, refuse := context.WithCancelCause(context.Background())
	handler := nats.ErrorHandler(func(nc *nats.Conn, _ *nats.Subscription, err error) {
		if missing := rights.Read(nc, err); missing != nil {
			refuse(missing)
		} else if other != nil {
			other(err)
		}
	})
	nc, js, err := connectNATS(cfg, append(more, handler)...)
	if err != nil {
		refuse(nil)
		return nil, err
	}
	return &guarded{nc: nc, js: js, refused: refused}, nil
}

func (g *guarded) close() { g.nc.Close() }

// within is a context that ends with ctx and with the first complaint. Its end must be called.
func (g *guarded) within(ctx context.Context) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.refused, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// finishing is [guarded.within] for what is not left half done where ctx ends, as with Ctrl-C.
func (g *guarded) finishing(ctx context.Context) (_ context.Context, end func()) {
	return g.within(context.WithoutCancel(ctx))
}

// missing is the right that was complained of, nil where none was.
func (g *guarded) missing() *rights.Missing {
	var missing *rights.Missing
	errors.As(context.Cause(g.refused), &missing)
	return missing
}

// explain puts the missing right in the place of what it brought about: the end of a wait, or nothing at all.
func (g *guarded) explain(err error) error {
	missing := g.missing()
	if missing == nil || errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	return fmt.Errorf("%w; %s", missing, mendOfRight(missing))
}

// mendOfRight says what to do about a missing right.
func mendOfRight(missing *rights.Missing) string {
	switch {
	case missing.Inbox:
		return "grant it, or set NATS_INBOX_PREFIX to what this user may subscribe to"
	case strings.HasSuffix(missing.Subject, ".STREAM.NAMES"):
		return "make the stream of the usual name, which is not there, with linkworker provision, or grant it to find one of another name"
	}
	return "grant it, or use a NATS user who has it (deploy/nats-users.conf lists who needs what)"
}
