package worker

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// class orders those who wait for a call slot: a payer waits for a session, an invoice is batch work.
type class int

const (
	classSession class = iota
	classInvoice
	classes
)

// turnstile hands out the call slots. A slot is held during a call to the vendor and never during a sleep; one that comes
// free goes to the class with the lowest number, and within a class to who has waited longest. The last free one of many is
// kept for the next session, where sessions are asked for. Nobody passes before the time that the vendor named (hold),
// while the worker is paused (shut), or faster than the rate that all replicas share (permit). Invoices of which there are
// more than slots are spread.
type turnstile struct {
	// permit asks for one call under the shared rate: zero, or how long until it is worth asking again. nil: no rate.
	permit func(context.Context) (time.Duration, error)
	kick   chan struct{} // wakes the goroutine that asks for permits

	mu      sync.Mutex
	free    int
	waiting [classes][]*waiter
	until   time.Time   // the vendor's hold
	timer   *time.Timer // ends it
	shut    error       // why nobody passes; nil: open
	spread  spread
	spacing bool // a timer will let the next invoice pass
}

type waiter struct {
	ready chan struct{} // closed when granted or turned away
	err   error
}

func newTurnstile(slots int, permit func(context.Context) (time.Duration, error)) *turnstile {
	return &turnstile{free: slots, permit: permit, kick: make(chan struct{}, 1), spread: spread{slots: slots}}
}

// aMoment is how long a call may be away that is said to begin.
const aMoment = 25 * time.Millisecond

// soon reports whether who comes now will probably pass in a moment, because calls are brief.
func (t *turnstile) soon(c class) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.permit != nil || t.spread.took == 0 || !t.flows() {
		return false
	}
	ahead := 0
	for _, queue := range t.waiting[:c+1] {
		ahead += len(queue)
	}
	return time.Duration(ahead+1)*t.spread.distance() < aMoment
}

func (t *turnstile) take() {
	t.free--
	t.spread.began(time.Now())
}

func (t *turnstile) giveBack() {
	t.free++
	t.spread.ended(time.Now())
	t.admit()
}

// keptOf is the least number of slots of which one is kept: it costs invoices 3 % of their calls at the most.
const keptOf = 32

// room is how many slots are free for who is of a class. A session that comes takes the one that is kept at once, and the
// next that comes free is kept in its place.
func (t *turnstile) room(c class) int {
	if c == classInvoice && t.free > 0 && t.spread.slots >= keptOf && t.spread.sessionsExpected(time.Now()) {
		return t.free - 1
	}
	return t.free
}

// first is the class of who is next, classes where nobody waits. The caller holds the lock.
func (t *turnstile) first() class {
	c := class(0)
	for c < classes && len(t.waiting[c]) == 0 {
		c++
	}
	return c
}

// enter waits for a slot. Who gets one must leave.
func (t *turnstile) enter(ctx context.Context, c class) error {
	t.mu.Lock()
	if t.shut != nil {
		defer t.mu.Unlock()
		return t.shut
	}
	if c == classSession {
		t.spread.session = time.Now()
	}
	if t.permit == nil && t.room(c) > 0 && t.first() == classes && t.flows() {
		t.take()
		t.mu.Unlock()
		return nil
	}
	w := &waiter{ready: make(chan struct{})}
	t.waiting[c] = append(t.waiting[c], w)
	t.admit()
	t.mu.Unlock()

	select {
	case <-w.ready:
		return w.err
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-w.ready: // granted in the same moment
		if w.err == nil {
			t.giveBack()
		}
	default:
		t.remove(c, w)
	}
	return context.Cause(ctx)
}

// longCall is a call that takes longer than the work on an event does, even where the machine has much to do.
const longCall = 10 * time.Millisecond

// leave gives the slot back. Where calls are long and somebody has waited for it, that goroutine is next: what the caller
// goes on with would be done first, and what that wakes, too, while the slot stands idle.
func (t *turnstile) leave() {
	t.mu.Lock()
	free := t.free
	t.giveBack()
	granted := t.free == free && t.spread.took > longCall
	t.mu.Unlock()
	if granted {
		runtime.Gosched()
	}
}

// hold lets nobody pass for d, as the vendor asked. A shorter hold does not shorten a longer one.
func (t *turnstile) hold(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	until := time.Now().Add(d)
	if d <= 0 || !until.After(t.until) {
		return
	}
	t.until = until
	if t.timer != nil {
		t.timer.Stop()
	}
	t.timer = time.AfterFunc(d, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.admit()
	})
}

// held is how long the vendor's hold still lasts.
func (t *turnstile) held() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, time.Until(t.until))
}

// close turns away everybody who waits or comes, with why; nil opens again.
func (t *turnstile) close(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shut = why
	if why == nil {
		return
	}
	for c := range t.waiting {
		for _, w := range t.waiting[c] {
			w.err = why
			close(w.ready)
		}
		t.waiting[c] = nil
	}
}

// admit grants what can be granted. The caller holds the lock.
func (t *turnstile) admit() {
	if t.permit != nil {
		select {
		case t.kick <- struct{}{}:
		default:
		}
		return
	}
	for t.turn() {
		t.grant()
	}
}

// turn reports whether it is somebody's turn. Invoices that are spread come back when it is theirs.
func (t *turnstile) turn() bool {
	if !t.grantable() {
		return false
	}
	wait := t.spreadWait()
	if wait > 0 {
		t.admitIn(wait)
	}
	return wait == 0
}

// spreadWait is how long whoever is next has to wait so that calls end spread: an invoice, where all slots are wanted.
func (t *turnstile) spreadWait() time.Duration {
	if t.first() == classSession || len(t.waiting[classInvoice]) < t.room(classInvoice) {
		return 0
	}
	return t.spread.wait(time.Now())
}

// admitIn comes back to those who wait.
func (t *turnstile) admitIn(wait time.Duration) {
	if t.spacing {
		return
	}
	t.spacing = true
	time.AfterFunc(wait, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.spacing = false
		t.admit()
	})
}

func (t *turnstile) grantable() bool {
	c := t.first()
	return c < classes && t.room(c) > 0 && t.flows()
}

// flows reports whether the turnstile is open and the vendor holds nobody. The caller holds the lock.
func (t *turnstile) flows() bool { return t.shut == nil && !time.Now().Before(t.until) }

// grant lets the next one pass. The caller has seen that it can (grantable).
func (t *turnstile) grant() {
	c := t.first()
	w := t.waiting[c][0]
	t.waiting[c][0] = nil
	t.waiting[c] = t.waiting[c][1:]
	t.take()
	close(w.ready)
}

func (t *turnstile) remove(c class, w *waiter) {
	for i, other := range t.waiting[c] {
		if other == w {
			t.waiting[c] = append(t.waiting[c][:i], t.waiting[c][i+1:]...)
			return
		}
	}
}

// meter hands out slots at the shared rate until ctx ends: one permit is asked for at a time, and it goes to whoever is
// first when it comes. It does nothing where there is no rate.
func (t *turnstile) meter(ctx context.Context, failed func(error)) {
	if t.permit == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.kick:
		}
		for t.wanted() {
			wait, err := t.permit(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				failed(err)
				wait = permitRetry
			case wait == 0:
				t.mu.Lock()
				if t.grantable() {
					t.grant()
				}
				t.mu.Unlock()
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
	}
}

// permitRetry is how long the meter waits before it asks again when the shared rate cannot be read.
const permitRetry = 100 * time.Millisecond

func (t *turnstile) wanted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.turn()
}
