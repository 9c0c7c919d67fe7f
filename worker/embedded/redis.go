package embedded

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// A tick takes the time that has passed off every key's time to live, which
// costs something for each key that has one. So ticks come at tickEvery, but
// not oftener than they use up one part in tickShare of the time.
const (
	tickEvery = 10 * time.Millisecond
	tickShare = 20
)

// RedisOptions says how a Redis server is run. The zero value is good.
type RedisOptions struct {
	// Port to listen on; 0: a free one.
	Port int
}

// Redis is a Redis server in this process, in memory.
//
// Times to live run by the real clock in small steps, so a key may perish
// earlier than it should by one step: 10 ms, more with very many keys. TIME is
// the real clock.
type Redis struct {
	url string

	mu      sync.Mutex
	server  *miniredis.Miniredis
	stop    chan struct{} // ends the ticks; nil: stopped
	stopped chan struct{} // closed when the ticks have ended
	seen    time.Time     // until when times to live have run
	closed  bool
}

// StartRedis starts a Redis server on 127.0.0.1.
func StartRedis(opts RedisOptions) (*Redis, error) {
	r := &Redis{server: miniredis.NewMiniRedis(), seen: time.Now()}
	err := onFreePort(opts.Port, func(port int) error { return r.start(address(port)) })
	if err != nil {
		return nil, err
	}
	r.url = "redis://" + r.server.Addr() + "/0"
	return r, nil
}

// URL is where clients connect; a restart does not change it.
func (r *Redis) URL() string { return r.url }

// Stop ends the server and cuts its connections. Data and scripts stay, as on a
// server with an append-only file.
func (r *Redis) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
}

// Restart stops the server where it runs, and starts it again at the same
// address with its data; what has outlived its time meanwhile is gone.
func (r *Redis) Restart() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("embedded Redis server: closed")
	}
	r.end()
	return r.start(r.url[len("redis://") : len(r.url)-len("/0")])
}

// Flush forgets all data, as a Redis server does that restarts without an
// append-only file.
func (r *Redis) Flush() { r.server.FlushAll() }

// Close stops the server for good. The error is always nil: it is there to
// satisfy io.Closer.
func (r *Redis) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.end()
	return nil
}

func (r *Redis) start(addr string) error {
	r.tick()
	if err := r.server.StartAddr(addr); err != nil {
		return fmt.Errorf("embedded Redis server: %w", err)
	}
	r.stop, r.stopped = make(chan struct{}), make(chan struct{})
	go r.tickUntil(r.stop, r.stopped)
	return nil
}

func (r *Redis) end() {
	if r.stop == nil {
		return
	}
	r.server.Close()
	close(r.stop)
	<-r.stopped
	r.stop = nil
}

// tick lets times to live run until now.
func (r *Redis) tick() {
	now := time.Now()
	r.server.FastForward(now.Sub(r.seen))
	r.seen = now
}

// tickUntil ticks until stop is closed. Between start and end it alone touches
// what tick uses.
func (r *Redis) tickUntil(stop <-chan struct{}, stopped chan<- struct{}) {
	defer close(stopped)
	timer := time.NewTimer(tickEvery)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
			r.tick()
			timer.Reset(max(tickEvery, tickShare*time.Since(r.seen)))
		}
	}
}
