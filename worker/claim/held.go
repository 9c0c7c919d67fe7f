package claim

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Tried is what has been tried for an event. It outlives the worker that tried.
type Tried struct {
	Attempts int           // calls to the vendor that failed and count
	First    time.Time     // zero: none yet
	Last     time.Time     // zero: none yet
	Failure  []byte        // what the last attempt met
	CutOff   int           // calls to the vendor of which nobody knows the end, since their owner vanished
	Waited   time.Duration // how long a session has waited for its link; paused time does not count
}

// Claim is one delivery's right to work on an event. Its methods may be called from several goroutines, but the exported
// fields belong to the one that works.
type Claim struct {
	store *Store

	keys
	records                       []string // the key of the record, and no other
	owner, event, message         string
	ownerArg, headArg, headEndArg any // what scripts are told of the owner, see owning

	renewed atomic.Pointer[time.Time]
	leaving atomic.Bool // a transition that ends the ownership was begun
	calling bool        // noted that the vendor is being called
	packed  bool        // the record is a string, unless another has looked at it since

	Recorded   bool   // the vendor's answer is recorded already: go on at the publishing
	Answer     []byte // what is recorded
	Terms      []byte // what was fixed when the claim was made
	Tried      Tried
	Vanished   int // owners that vanished in a row while they called or published; see MaxVanished
	Generation int // how many perished answers of this identity came before
	Link       Link
	Told       uint64 // sequence of link.created in its stream, for Publish to keep; 0: not known
}

// Sure reports whether the lease surely still holds, by this process's own clock. When it does not, as after the process
// was stopped for a while, Renew tells whether the claim is still ours.
func (c *Claim) Sure() bool { return time.Since(*c.renewed.Load()) < c.store.lease }

// Renew lengthens the lease, or returns ErrLost.
func (c *Claim) Renew(ctx context.Context) error {
	asked := time.Now()
	err := owned("renew", c.renew(ctx, c.store.rdb, renewScript.Run))
	if err == nil {
		c.renewed.Store(&asked)
	}
	return err
}

// RenewAll lengthens the leases of many claims in one round trip. The errors stand in the order of the claims. A claim that
// its owner is giving up, or has given up, is not lost.
func (s *Store) RenewAll(ctx context.Context, claims []*Claim) []error {
	asked := time.Now()
	cmds := s.renewAll(ctx, claims, renewScript.EvalSha)
	// A server that has not met the script yet gets it, as one that has just become the master. To load it beforehand
	// would ask every server of a Redis Cluster, the replicas too, and fail where one of them is away.
	var unknown []int
	for i, cmd := range cmds {
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			unknown = append(unknown, i)
		}
	}
	if len(unknown) > 0 {
		again := make([]*Claim, len(unknown))
		for i, n := range unknown {
			again[i] = claims[n]
		}
		for i, cmd := range s.renewAll(ctx, again, renewScript.Eval) {
			cmds[unknown[i]] = cmd
		}
	}
	errs := make([]error, len(claims))
	for i, cmd := range cmds {
		switch err := owned("renew", cmd); {
		case err == nil:
			claims[i].renewed.Store(&asked)
		case !errors.Is(err, ErrLost) || !claims[i].leaving.Load():
			errs[i] = err
		}
	}
	return errs
}

// renewAll sends the renewals in one pipeline.
func (s *Store) renewAll(ctx context.Context, claims []*Claim,
	run func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd,
) []*redis.Cmd {
	cmds := make([]*redis.Cmd, len(claims))
	// An error of the pipeline as a whole stands in each command, too.
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, c := range claims {
			cmds[i] = c.renew(ctx, p, run)
		}
		return nil
	})
	return cmds
}

// renew sends one renewal.
func (c *Claim) renew(ctx context.Context, to redis.Scripter,
	run func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd,
) *redis.Cmd {
	return run(ctx, to, c.records, c.ownerArg, c.headArg, c.headEndArg, c.store.leaseMillis, c.store.keepMillis)
}

// Calling reports whether it is noted that the vendor is being called.
func (c *Claim) Calling() bool { return c.calling }

// Begin notes that the vendor is about to be called, unless that is noted already: should this owner vanish, the call
// counts. It comes with the call, when nothing else is waited for any more: what was not called does not count.
func (c *Claim) Begin(ctx context.Context) error {
	if c.calling {
		return nil
	}
	err := owned("begin", beginScript.Run(ctx, c.store.rdb, c.records, c.ownerArg, c.headArg, c.headEndArg))
	c.calling = err == nil
	return err
}

// Fail keeps what was tried. With keep the caller stays the owner and sleeps for delay; without it any delivery of the
// event may take the claim once delay has passed.
func (c *Claim) Fail(ctx context.Context, delay time.Duration, keep bool) error {
	asked := time.Now()
	c.leaving.Store(!keep)
	c.calling, c.packed = false, false
	t := c.Tried
	err := owned("fail", failScript.Run(ctx, c.store.rdb, c.records, c.ownerArg, t.Attempts, unixMilli(t.First),
		unixMilli(t.Last), t.Failure, millis(t.Waited), millis(delay), flag(keep), c.store.leaseMillis))
	if err == nil && keep {
		c.renewed.Store(&asked)
	}
	return err
}

// Release steps back so that another delivery of the event may go on at once.
func (c *Claim) Release(ctx context.Context) error {
	c.leaving.Store(true)
	return owned("release", releaseScript.Run(ctx, c.store.rdb, c.records, c.ownerArg))
}

// Record keeps the vendor's answer, which ends with no blank, before anyone is told of it. perishes is when it stops being good, zero when that is
// not known.
func (c *Claim) Record(ctx context.Context, answer []byte, perishes time.Time) error {
	asked, perishing := time.Now(), padded(unixMilli(perishes))
	done, err := c.store.records.join(ctx, c, append([]byte(perishing), answer...))
	switch {
	case err != nil:
		err = fmt.Errorf("claim: record: %w", err)
	case !done:
		err = owned("record", recordScript.Run(ctx, c.store.rdb, c.records, c.ownerArg, c.headArg, c.headEndArg, answer,
			perishing, c.store.leaseMillis, c.store.ttlMillis))
	}
	if err == nil {
		c.store.learn(len(answer))
		c.Recorded, c.Answer = true, answer
		c.renewed.Store(&asked)
	}
	return err
}

// Publish marks the recorded answer as published, after its stream has acknowledged it.
func (c *Claim) Publish(ctx context.Context) error {
	c.leaving.Store(true)
	told := sequence(c.Told)
	switch done, err := c.store.publications.join(ctx, c, told); {
	case err != nil:
		return fmt.Errorf("claim: publish: %w", err)
	case done:
		return nil
	}
	return owned("publish", publishScript.Run(ctx, c.store.rdb, c.records, c.ownerArg, c.headArg, c.headEndArg, c.event,
		c.store.ttlMillis, told))
}

// owned turns the answer of a script that checks the owner into an error.
func owned(what string, cmd *redis.Cmd) error {
	n, err := cmd.Int()
	switch {
	case err != nil:
		return fmt.Errorf("claim: %s: %w", what, err)
	case n == 0:
		return ErrLost
	}
	return nil
}
