package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
)

// vigil is one wait for outcomes.
type vigil struct {
	watch  *Watch
	report func(Outcome)

	open    map[*awaited]bool
	failed  map[string][]*awaited // by the id of link.failed
	created map[string][]*awaited // by the id of link.created
	heard   map[string]uint64     // the last sequence heard of a subject
	ended   map[*awaited]map[string]uint64
}

// awaited is a replay whose outcome is not known yet.
type awaited struct {
	sent *Sent
	// url is that of a link.created for the same thing that another event asked for.
	url string
}

func newVigil(w *Watch, all []*Sent, report func(Outcome)) *vigil {
	v := &vigil{
		watch: w, report: report, open: map[*awaited]bool{},
		failed: map[string][]*awaited{}, created: map[string][]*awaited{},
		heard: map[string]uint64{}, ended: map[*awaited]map[string]uint64{},
	}
	for _, sent := range all {
		x := &awaited{sent: sent}
		v.open[x] = true
		failed := events.LinkFailedID(sent.Event)
		v.failed[failed] = append(v.failed[failed], x)
		if sent.created != "" {
			v.created[sent.created] = append(v.created[sent.created], x)
		}
	}
	return v
}

func (v *vigil) run(ctx context.Context, messages <-chan *jetstream.RawStreamMsg, faults <-chan error) error {
	tick := time.NewTicker(floorEvery)
	defer tick.Stop()
	for len(v.open) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case err := <-faults:
			if ctx.Err() != nil {
				return nil
			}
			return err
		case msg := <-messages:
			v.hear(msg)
		case <-tick.C:
			// How far the worker is says more than nothing at all: where it cannot be
			// known, what came of a duplicate stays open.
			if err := v.look(ctx); err != nil && ctx.Err() != nil {
				return nil
			}
		}
		v.endSilent()
	}
	return nil
}

// hear takes one result in.
func (v *vigil) hear(msg *jetstream.RawStreamMsg) {
	v.heard[msg.Subject] = msg.Sequence
	notice, err := events.DecodeNotice(msg.Subject, msg.Header, msg.Data)
	switch {
	case err != nil: // not the worker's
	case notice.Failed != nil:
		f := notice.Failed
		for _, x := range v.failed[notice.ID] {
			v.end(x, Outcome{Fate: FateFailed, Reason: f.Reason, Code: f.Code, Detail: f.Detail, DeadLetter: f.DeadLetter})
		}
	default:
		for _, x := range v.of(notice.ID) {
			if notice.Created.CausationID == x.sent.causation {
				v.end(x, Outcome{Fate: FateCreated, URL: notice.Created.URL})
			} else {
				x.url = notice.Created.URL
			}
		}
	}
}

// of lists those whose link.created has the id, or had it but for the number that
// tells the sessions of one customer apart.
func (v *vigil) of(id string) []*awaited {
	found := v.created[id]
	dot := strings.LastIndexByte(id, '.')
	if dot < 0 || strings.Trim(id[dot+1:], "0123456789") != "" {
		return found
	}
	for _, x := range v.created[id[:dot]] {
		if x.sent.perishable {
			found = append(found, x)
		}
	}
	return found
}

func (v *vigil) end(x *awaited, out Outcome) {
	if !v.open[x] {
		return
	}
	delete(v.open, x)
	delete(v.ended, x)
	out.ID = x.sent.ID
	v.report(out)
}

// look asks which replays the worker has acknowledged. Their results, if there are
// any, were stored before, so each of them has come when all is heard that is in the
// streams by now.
func (v *vigil) look(ctx context.Context) error {
	floors := map[string]uint64{}
	var until map[string]uint64
	for x := range v.open {
		if v.ended[x] != nil {
			continue
		}
		place := x.sent.Stream + " " + x.sent.subject
		floor, known := floors[place]
		if !known {
			var err error
			if floor, err = v.floor(ctx, x.sent); err != nil {
				return err
			}
			floors[place] = floor
		}
		if x.sent.Sequence > floor {
			continue
		}
		if until == nil {
			var err error
			if until, err = v.stored(ctx); err != nil {
				return err
			}
		}
		v.ended[x] = until
	}
	return nil
}

// floor is up to where the worker has acknowledged all of the subject.
func (v *vigil) floor(ctx context.Context, sent *Sent) (uint64, error) {
	name := events.ConsumerInvoices
	if sent.subject == events.SubjectSessionRequested {
		name = events.ConsumerSessions
	}
	consumer, err := v.watch.js.Consumer(ctx, sent.Stream, name)
	if err != nil {
		return 0, fmt.Errorf("consumer %s: %w", name, err)
	}
	return consumer.CachedInfo().AckFloor.Stream, nil
}

// stored is the last sequence of each subject of results.
func (v *vigil) stored(ctx context.Context) (map[string]uint64, error) {
	last := map[string]uint64{}
	for subject, from := range v.watch.from {
		stream, err := v.watch.js.Stream(ctx, from.stream)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", from.stream, err)
		}
		msg, err := stream.GetLastMsgForSubject(ctx, subject)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return nil, fmt.Errorf("stream %s: %w", from.stream, err)
		case msg.Sequence >= from.first:
			last[subject] = msg.Sequence
		}
	}
	return last, nil
}

// endSilent ends those of which all has been heard and nothing came.
func (v *vigil) endSilent() {
	for x, until := range v.ended {
		silent := true
		for subject, sequence := range until {
			silent = silent && v.heard[subject] >= sequence
		}
		switch {
		case !silent:
		case x.sent.Earlier:
			v.end(x, Outcome{Fate: FateEarlier, URL: x.url})
		default:
			v.end(x, Outcome{Fate: FateDuplicate, URL: x.url})
		}
	}
}
