package rig

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Own says that the servers are nobody else's.
func (s *Servers) Own() bool { return s.children != nil }

// RestartNATS ends the server, by SIGKILL where hard, and starts it again after a while, at its address and with what it
// keeps. The servers must be our own.
func (s *Servers) RestartNATS(ctx context.Context, hard bool, away time.Duration) error {
	was := s.children[PartNATS]
	at, err := url.Parse(was.URL())
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		return err
	}
	if err := was.end(hard); err != nil {
		return err
	}
	rest(ctx, away)
	if err := s.startNATS(ctx, port); err != nil {
		return err
	}
	return s.waitForNATS(ctx)
}

// waitForNATS waits until our own connection is there again.
func (s *Servers) waitForNATS(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for s.NATS.FlushWithContext(ctx) != nil {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("waiting for NATS: %w", err)
		}
		rest(ctx, 20*time.Millisecond)
	}
	return nil
}

// RestartRedis does the same with Redis. The one inside the program is never killed, since it keeps all in its memory.
func (s *Servers) RestartRedis(ctx context.Context, hard bool, away time.Duration) (err error) {
	was := s.children[PartRedis]
	if s.redis == nil {
		if err := was.Tell(RestartLine + " " + away.String()); err != nil {
			return err
		}
		rest(ctx, away)
		return s.waitForRedis(ctx)
	}
	if err := was.end(hard); err != nil {
		return err
	}
	rest(ctx, away)
	if s.children[PartRedis], err = Start("redis-server", s.redis(), false); err != nil {
		return err
	}
	return s.waitForRedis(ctx)
}

// RestartLine, a blank and a duration, on standard input, tells [PartRedis] to be away for so long.
const RestartLine = "restart"

// Flush makes Redis forget everything, its scripts too. A Redis of the user forgets the keys of the prefix.
func (s *Servers) Flush(ctx context.Context, prefix string) error {
	if !s.Own() {
		return s.Forget(ctx, prefix)
	}
	if err := s.Redis.FlushAll(ctx).Err(); err != nil {
		return err
	}
	return s.Redis.ScriptFlush(ctx).Err()
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
