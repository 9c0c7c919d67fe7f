package http1

import (
	"slices"
	"sync"
	"time"
)

// pool keeps connections. The one that came last is taken first, so that those
// which are not needed grow old.
type pool struct {
	most    int
	timeout time.Duration

	mu      sync.Mutex
	kept    []*conn // the oldest first
	sweeper *time.Timer
}

// take returns a connection that waits for a request, or nil. Its age is told by
// the calendar: on a machine that was suspended the sweeper was, too.
func (p *pool) take(deadline time.Time) *conn {
	for {
		c := p.pop()
		if c == nil || time.Since(c.kept.Round(0)) < p.timeout && c.waits(deadline) {
			return c
		}
		_ = c.raw.Close()
	}
}

func (p *pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.kept) - 1
	if last < 0 {
		return nil
	}
	c := p.kept[last]
	p.kept[last] = nil
	p.kept = p.kept[:last]
	return c
}

func (p *pool) put(c *conn) {
	c.kept = time.Now()
	p.mu.Lock()
	full := len(p.kept) >= p.most
	if !full {
		p.kept = append(p.kept, c)
		if p.sweeper == nil {
			p.sweeper = time.AfterFunc(p.timeout, p.sweep)
		}
	}
	p.mu.Unlock()
	if full {
		_ = c.raw.Close() // TLS would take its time to say so
	}
}

// sweep closes what has been kept for too long, and comes back for the rest.
func (p *pool) sweep() {
	p.mu.Lock()
	old := 0
	for old < len(p.kept) && time.Since(p.kept[old].kept) >= p.timeout {
		old++
	}
	closing := slices.Clone(p.kept[:old])
	p.kept = slices.Delete(p.kept, 0, old)
	p.sweeper = nil
	if len(p.kept) > 0 {
		p.sweeper = time.AfterFunc(p.timeout-time.Since(p.kept[0].kept), p.sweep)
	}
	p.mu.Unlock()
	closeAll(closing)
}

func (p *pool) clear() {
	p.mu.Lock()
	closing := p.kept
	p.kept = nil
	if p.sweeper != nil && p.sweeper.Stop() {
		p.sweeper = nil
	}
	p.mu.Unlock()
	closeAll(closing)
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}
