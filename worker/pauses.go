package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/linkworker/linkworker/worker/claim"
)

// How often the worker looks whether the reason for a pause is over.
const (
	redisProbe       = 250 * time.Millisecond
	credentialsProbe = 5 * time.Second
)

// redisAway pauses the worker until Redis answers and takes writes again. An error that Redis has about one key only, such
// as one of another type that somebody else wrote there, is no reason to stop everything.
func (w *Worker) redisAway(err error) {
	if claim.Refused(err) {
		w.log.Error("Redis refuses what the worker asks for one token", "error", err)
		return
	}
	if !w.gate.close(pauseRedis, errors.New("not answering")) {
		return
	}
	w.log.Error("Redis is away; consumption pauses, since nothing is processed without deduplication", "error", err)
	w.background(func(ctx context.Context) {
		started := time.Now()
		for {
			ping, cancel := context.WithTimeout(ctx, time.Second)
			err := w.claims.Ping(ping)
			cancel()
			if err == nil {
				w.gate.reopen(pauseRedis)
				w.log.Info("Redis is back", "after", time.Since(started).Round(time.Millisecond).String())
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(redisProbe):
			}
		}
	})
}

// redisWatch is how often Redis is looked at when there is no work that would show whether it is there.
const redisWatch = 2 * time.Second

// watchRedis lets readiness tell of Redis also while the worker is idle.
func (w *Worker) watchRedis(ctx context.Context) {
	ticker := time.NewTicker(redisWatch)
	defer ticker.Stop()
	for {
		ping, cancel := context.WithTimeout(ctx, redisWatch)
		err := w.claims.Ping(ping)
		cancel()
		if err != nil && ctx.Err() == nil {
			w.redisAway(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tryCredentials fetches the first access token before it is needed: the first link need not wait for it, and wrong
// credentials show at once. What else goes wrong may pass.
func (w *Worker) tryCredentials(ctx context.Context) {
	switch err := w.vendor.Authenticate(ctx); {
	case refused(err):
		w.credentialsRefused(err)
	case err != nil && ctx.Err() == nil:
		w.log.Warn("the vendor has given no access token yet; calls will ask for it again", "error", err)
	}
}

// circuitChanged follows the circuit: while it is open consumption pauses and the vendor is probed.
func (w *Worker) circuitChanged(open bool) {
	if !open {
		w.gate.reopen(pauseCircuit)
		w.log.Info("the vendor answers again; the circuit is closed")
		return
	}
	w.gate.close(pauseCircuit, errors.New("the vendor is down"))
	w.log.Error("the vendor is down; the circuit is open: consumption pauses, events stay queued and use up no attempts")
	w.background(func(ctx context.Context) {
		var told sync.Once
		w.circuit.closeAfter(ctx, func(ctx context.Context) error {
			err := w.probe(ctx)
			if !answered(err) && ctx.Err() == nil {
				told.Do(func() { w.log.Warn("the vendor does not answer a probe; the next ones are not told of", "error", err) })
			}
			if refused(err) {
				w.credentialsRefused(err)
			}
			return err
		})
	})
}

// awaitCredentials reads the credentials again and tries them until the vendor takes them.
func (w *Worker) awaitCredentials(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(credentialsProbe):
		}
		credentials, err := w.settings.Credentials()
		if err != nil {
			w.log.Error("the credentials cannot be read", "error", err)
			continue
		}
		w.vendor.SetCredentials(credentials)
		if err := w.probe(ctx); refused(err) || !answered(err) {
			w.log.Warn("the vendor does not take the credentials yet", "error", err)
			continue
		}
		w.gate.reopen(pauseCredentials)
		w.log.Info("the vendor takes the credentials again")
		return
	}
}

// Ready is nil when the worker can do its work: connected to NATS and Redis, with credentials that the vendor takes. An
// open circuit is no fault of this worker's, and restarting it would not help.
func (w *Worker) Ready() error {
	var faults []error
	if !w.nats.IsConnected() {
		faults = append(faults, errors.New("nats: not connected"))
	}
	for _, p := range []pause{pauseRedis, pauseCredentials, pauseStopping} {
		if why := w.gate.because(p); why != nil {
			faults = append(faults, errors.New(string(p)+": "+why.Error()))
		}
	}
	return errors.Join(faults...)
}
