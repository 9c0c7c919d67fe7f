package worker

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/topology"
)

// replicated is a stream whose leader has a state, and whose replica has no message yet.
type replicated struct {
	jetstream.JetStream
	state jetstream.StreamState
}

func (r replicated) Stream(context.Context, string) (jetstream.Stream, error) {
	return replica{state: r.state}, nil
}

type replica struct {
	jetstream.Stream
	state jetstream.StreamState
}

func (r replica) CachedInfo() *jetstream.StreamInfo { return &jetstream.StreamInfo{State: r.state} }

func (r replica) GetMsg(context.Context, uint64, ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	return nil, jetstream.ErrMsgNotFound
}

// A replica that is behind has not seen an event end: it has not seen it begin.
func TestReplicaThatIsBehindEndsNoEvent(t *testing.T) {
	for name, c := range map[string]struct {
		state jetstream.StreamState
		gone  bool
	}{
		"the leader keeps it":             {jetstream.StreamState{FirstSeq: 3, LastSeq: 9}, false},
		"it is the leader's last":         {jetstream.StreamState{FirstSeq: 3, LastSeq: 7}, false},
		"it has aged":                     {jetstream.StreamState{FirstSeq: 8, LastSeq: 9}, true},
		"it was removed":                  {jetstream.StreamState{FirstSeq: 3, LastSeq: 9, NumDeleted: 1}, true},
		"it was in an earlier stream":     {jetstream.StreamState{FirstSeq: 1, LastSeq: 2}, true},
		"the stream was emptied":          {jetstream.StreamState{FirstSeq: 10, LastSeq: 9}, true},
		"the stream has held nothing yet": {jetstream.StreamState{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStreams(replicated{state: c.state}, topology.Settings{}, &topology.Topology{
				Streams: map[string]string{events.SubjectInvoiceIssued: events.StreamBilling},
			})
			if ended := s.ended(t.Context(), events.StreamBilling+".7"); ended != c.gone {
				t.Errorf("ended %t", ended)
			}
			if _, err := s.stored(t.Context(), events.StreamBilling, 7); errors.Is(err, errBehind) == c.gone {
				t.Errorf("error %v", err)
			}
		})
	}
}
