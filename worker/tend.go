package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/linkworker/linkworker/worker/claim"
)

// tender keeps what is in work alive, beside the work itself: it tells the server that the messages are being worked on,
// and lengthens the leases of the claims, all in one round trip.
type tender struct {
	mu   sync.Mutex
	held map[*delivery]struct{}
}

func (t *tender) add(d *delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held[d] = struct{}{}
}

func (t *tender) remove(d *delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.held, d)
}

func (t *tender) all() []*delivery {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*delivery, 0, len(t.held))
	for d := range t.held {
		all = append(all, d)
	}
	return all
}

// keepSignalling tells the server what is in work until ctx ends. It waits for nothing else: while Redis hangs, the
// messages stay ours.
func (w *Worker) keepSignalling(ctx context.Context) {
	every := time.Hour
	for _, r := range w.receivers {
		every = min(every, w.streams.ackWait(r.subject)/3)
	}
	w.tendEvery(ctx, every, func(held []*delivery) { w.signal(held, every) })
}

// keepRenewing lengthens the leases until ctx ends.
func (w *Worker) keepRenewing(ctx context.Context) {
	every := w.claims.Lease() / 3
	w.tendEvery(ctx, every, func(held []*delivery) { w.renew(ctx, held, every) })
}

func (w *Worker) tendEvery(ctx context.Context, every time.Duration, do func([]*delivery)) {
	ticker := time.NewTicker(max(every, 10*time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do(w.tender.all())
		}
	}
}

// signal tells the server of each message whose acknowledgement wait is a third over, or will be by the next time.
func (w *Worker) signal(held []*delivery, every time.Duration) {
	now := time.Now()
	for _, d := range held {
		if now.Sub(d.told)+every/2 < w.streams.ackWait(d.msg.Subject)/3 {
			continue
		}
		d.told = now
		if err := d.msg.InProgress(); err != nil {
			w.log.Debug("a progress signal was not sent", "event", d.name(), "error", err)
		}
	}
}

func (w *Worker) renew(ctx context.Context, held []*delivery, within time.Duration) {
	claims, owners := make([]*claim.Claim, 0, len(held)), make([]*delivery, 0, len(held))
	for _, d := range held {
		if c := d.claim.Load(); c != nil {
			claims, owners = append(claims, c), append(owners, d)
		}
	}
	if len(claims) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var failed error
	for i, err := range w.claims.RenewAll(ctx, claims) {
		switch {
		case err == nil:
		case errors.Is(err, claim.ErrLost):
			w.log.Warn("lost a claim; another delivery goes on with the event", "event", owners[i].name())
			owners[i].hand.stop(owners[i], claim.ErrLost)
		default:
			failed = err
		}
	}
	if failed != nil {
		w.redisAway(failed)
	}
}
