package worker

import "sync"

// idleHands is how many goroutines wait for the next delivery at the most.
const idleHands = 256

// crew works on deliveries, each in a goroutine to itself. A goroutine that has finished waits for the next one: its stack
// has grown to what the work takes, and a new one would have to grow again for each event.
type crew struct {
	handle func(*hand, *delivery)
	next   chan *delivery
	idle   chan struct{} // a place for each goroutine that waits
	ended  <-chan struct{}

	inWork sync.WaitGroup
}

// newCrew returns a crew whose idle hands leave when ended is closed.
func newCrew(handle func(*hand, *delivery), ended <-chan struct{}) *crew {
	return &crew{handle: handle, next: make(chan *delivery), idle: make(chan struct{}, idleHands), ended: ended}
}

// work begins the work on a delivery and returns at once.
func (c *crew) work(d *delivery) {
	c.inWork.Add(1)
	select {
	case c.next <- d:
	default:
		go c.hire(d)
	}
}

func (c *crew) hire(d *delivery) {
	h := new(hand)
	defer h.end(false)
	for {
		c.one(h, d)
		select {
		case c.idle <- struct{}{}:
		default:
			return // enough of them wait
		}
		select {
		case d = <-c.next:
			<-c.idle
		case <-c.ended:
			return
		}
	}
}

func (c *crew) one(h *hand, d *delivery) {
	defer c.inWork.Done()
	c.handle(h, d)
}
