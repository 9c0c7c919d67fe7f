package claim

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// fault is what happens to a command on its way.
type fault int

const (
	faultNone   fault = iota
	faultRepeat       // sent twice, as a client does whose connection breaks before the answer
	faultLost         // carried out, and the answer is lost
)

var errLostAnswer = errors.New("the answer is lost")

// faulty is a hook of a Redis client that lets one fault happen to what is sent next.
type faulty struct {
	next  fault
	count int // of the faults that have happened
}

func (f *faulty) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (f *faulty) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return f.spoil([]redis.Cmder{cmd}, func() error { return next(ctx, cmd) })
	}
}

func (f *faulty) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return f.spoil(cmds, func() error { return next(ctx, cmds) })
	}
}

// spoil sends the commands with the fault. One that the server does not know yet, as a script, is not what it is meant for,
// nor is one that leaves to another what it is asked for, nor what a new connection begins with.
func (f *faulty) spoil(cmds []redis.Cmder, send func() error) error {
	err := send()
	answer := cmp.Or(cmds[0].Err(), err) // the error of one that is sent by itself is not yet its own here
	if f.next == faultNone || greets(cmds) || redis.HasErrorPrefix(answer, "NOSCRIPT") || leftUndone(cmds[0]) {
		return err
	}
	now := f.next
	f.next = faultNone
	f.count++
	if now == faultRepeat {
		return send()
	}
	for _, cmd := range cmds {
		cmd.SetErr(errLostAnswer)
	}
	return errLostAnswer
}

// greets reports whether it is what a new connection begins with.
func greets(cmds []redis.Cmder) bool {
	return cmds[0].Name() == "hello" || cmds[0].Name() == "client"
}

// leftUndone reports whether it is a script for many claims, and has done nothing for the one it was sent for.
func leftUndone(cmd redis.Cmder) bool {
	script, ok := cmd.(*redis.Cmd)
	if !ok {
		return false
	}
	done, err := script.Int64Slice()
	return err == nil && len(done) == 1 && done[0] == 0
}
