package worker

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/topology"
)

// streams is what the worker stands on: which stream carries a subject, which consumer brings it.
type streams struct {
	js       jetstream.JetStream
	settings topology.Settings

	restoring sync.Mutex
	restored  time.Time // when restore was last begun

	mu     sync.Mutex
	found  *topology.Topology
	floors map[string]floor // by subject
}

// floor is up to where a consumer's messages are all acknowledged.
type floor struct {
	sequence uint64
	read     time.Time
}

// floorAge is how long a floor is believed: it only rises, so an old one is merely less helpful.
const floorAge = time.Second

func newStreams(js jetstream.JetStream, settings topology.Settings, found *topology.Topology) *streams {
	return &streams{js: js, settings: settings, found: found, floors: map[string]floor{}}
}

// name is the stream that carries the subject.
func (s *streams) name(subject string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found.Streams[subject]
}

// consumer brings the messages of the subject.
func (s *streams) consumer(subject string) jetstream.Consumer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found.Consumers[subject]
}

// ackWait is the acknowledgement wait of the subject's consumer as it is, not as it was configured.
func (s *streams) ackWait(subject string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found.AckWait[subject]
}

// restoreEvery is how often what is missing is looked for and made again at the most.
const restoreEvery = 5 * time.Second

// restore makes again what somebody has removed under the worker, for all who miss something at the same time.
func (s *streams) restore(ctx context.Context) error {
	s.restoring.Lock()
	defer s.restoring.Unlock()
	if time.Since(s.restored) < restoreEvery {
		return nil
	}
	s.restored = time.Now()
	found, err := topology.Ensure(ctx, s.js, s.settings)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = found
	return nil
}

// ended reports whether the event whose message lies there is known to have ended: acknowledged, or gone from its stream.
// What cannot be found out has not ended.
func (s *streams) ended(ctx context.Context, message string) bool {
	name, sequence, ok := parseMessage(message)
	if !ok {
		return false
	}
	for _, subject := range []string{events.SubjectInvoiceIssued, events.SubjectSessionRequested} {
		if s.name(subject) != name {
			continue
		}
		stored, err := s.stored(ctx, name, sequence)
		if err != nil {
			return false
		}
		if stored == "" {
			return true
		}
		if stored == subject {
			floor, err := s.floor(ctx, subject)
			return err == nil && sequence <= floor
		}
	}
	return false
}

func parseMessage(message string) (stream string, sequence uint64, ok bool) {
	dot := strings.LastIndexByte(message, '.')
	if dot < 0 {
		return "", 0, false
	}
	sequence, err := strconv.ParseUint(message[dot+1:], 10, 64)
	return message[:dot], sequence, err == nil
}

// errBehind is that a message was asked for at a replica that has not heard of it yet.
var errBehind = errors.New("the server that was asked is behind")

// stored is the subject of the message, or "" when it is gone. The stream's state is its leader's, while any replica may
// answer for a message.
func (s *streams) stored(ctx context.Context, name string, sequence uint64) (string, error) {
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return "", err
	}
	msg, err := stream.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		state := stream.CachedInfo().State
		if state.FirstSeq <= sequence && sequence <= state.LastSeq && state.NumDeleted == 0 {
			return "", errBehind
		}
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return msg.Subject, nil
}

func (s *streams) floor(ctx context.Context, subject string) (uint64, error) {
	s.mu.Lock()
	known := s.floors[subject]
	s.mu.Unlock()
	if time.Since(known.read) < floorAge {
		return known.sequence, nil
	}
	info, err := s.consumer(subject).Info(ctx)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floors[subject] = floor{sequence: info.AckFloor.Stream, read: time.Now()}
	return info.AckFloor.Stream, nil
}
