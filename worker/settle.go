package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/linkworker/linkworker/worker/claim"
)

// settleTimeout bounds what is still tried for a delivery whose time is up.
const settleTimeout = 2 * time.Second

// settle carries a verdict out. It is the only function that acknowledges or gives back a message, and it reports its own
// failures: an event that could not be settled is redelivered, and resumed from what is recorded.
func (w *Worker) settle(ctx context.Context, d *delivery, v verdict) {
	var err error
	switch v.fate {
	case fateDone:
		err = d.msg.Ack()
		w.lap(d, lapAck)
		if v.result == resultDuplicate { // what else ends is counted where that is recorded
			w.metrics.outcome(d.msg.Subject, resultDuplicate, "")
		}
	case fateDead:
		err = w.die(ctx, d, v)
	case fateLater:
		if v.delay == unexpectedDelay {
			w.log.Error("an event cannot be worked on; it comes again", "event", d.name(), "delay", v.delay.String(), "why", v.why)
		}
		w.release(d)
		err = d.msg.NakWithDelay(v.delay)
		w.metrics.givenBack.WithLabelValues(d.msg.Subject).Inc()
	case fateLeave:
		w.metrics.lost.WithLabelValues(d.msg.Subject).Inc()
	}
	switch {
	case tooLarge(err):
		w.log.Error("a dead letter or its link.failed is larger than the server takes; raise its max_payload, or the stream's max_msg_size", "event", d.name(), "error", err)
	case err == nil:
		if w.log.Enabled(ctx, slog.LevelDebug) {
			w.log.Debug("settled", "event", d.name(), "fate", string(v.fate), "result", v.result, "delay", v.delay.String(), "why", v.why)
		}
	case ctx.Err() != nil || errors.Is(err, claim.ErrLost):
		w.log.Debug("left for another delivery", "event", d.name(), "fate", string(v.fate), "error", err)
	default:
		w.log.Warn("settling failed; the event comes again", "event", d.name(), "fate", string(v.fate), "error", err)
	}
}

// release steps back from the claim of an event that comes again later, so that whoever gets it next need not wait for the
// lease to end. While Redis is away there is nothing to say it to.
func (w *Worker) release(d *delivery) {
	c := d.claim.Load()
	if c == nil || w.gate.because(pauseRedis) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	if err := c.Release(ctx); err != nil && !errors.Is(err, claim.ErrLost) {
		w.redisAway(err)
	}
	w.reached(d, stepReleased)
}
