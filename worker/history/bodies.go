package history

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/natsext"
)

// ErrNoBodies is that messages are to be had with their headers alone: from a stream
// without allow_direct, or from a server that does not know better, as before NATS 2.12.
var ErrNoBodies = errors.New("bodies are not given apart from their headers")

// Bodies is a part of a log without headers: nothing says where each message lies.
type Bodies struct {
	// Bodies are in the order of the stream.
	Bodies [][]byte
	// Last is the sequence of the last of them, 0 where there is none.
	Last uint64
}

// ReadBodies is [Log.Read] for the bodies alone. To take headers apart is most of the
// work of reading, so who looks for something in many bodies is several times quicker.
// The error is [ErrNoBodies] where that cannot be.
func (l *Log) ReadBodies(ctx context.Context, from uint64, n int) (found *Bodies, err error) {
	if l.single {
		return nil, ErrNoBodies
	}
	for range readTries {
		if found, err = l.readBodies(ctx, max(1, from), n); !errors.Is(err, errIncomplete) || ctx.Err() != nil {
			break
		}
	}
	return found, err
}

// bodiesRequest is one to a stream for messages without their headers, see
// https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-31.md
type bodiesRequest struct {
	Seq       uint64 `json:"seq"`
	NextFor   string `json:"next_by_subj"`
	Batch     int    `json:"batch"`
	MaxBytes  int    `json:"max_bytes"`
	NoHeaders bool   `json:"no_hdr"`
}

func (l *Log) readBodies(ctx context.Context, from uint64, n int) (*Bodies, error) {
	request, err := json.Marshal(bodiesRequest{Seq: from, NextFor: l.subject, Batch: n, MaxBytes: maxBytes, NoHeaders: true})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	prefix := strings.TrimSuffix(cmp.Or(l.js.Options().APIPrefix, jetstream.DefaultAPIPrefix), ".")
	subject := prefix + ".DIRECT.GET." + l.stream.CachedInfo().Config.Name
	var end *nats.Msg // says what the bodies do not
	answer, err := natsext.RequestMany(ctx, l.js.Conn(), subject, request, natsext.RequestManySentinel(func(msg *nats.Msg) bool {
		if msg.Header.Get("Status") != "" {
			end = msg
		}
		return end != nil
	}))
	if err != nil {
		return nil, err
	}
	found := new(Bodies)
	for msg, err := range answer {
		switch {
		case errors.Is(err, nats.ErrSlowConsumer):
			return nil, errIncomplete
		case err != nil:
			return nil, err
		case len(msg.Header) > 0:
			return nil, ErrNoBodies
		}
		found.Bodies = append(found.Bodies, msg.Data)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case end == nil:
		return nil, errIncomplete
	}
	return found, found.endsWith(end)
}

// endsWith takes in what the server says at the end.
func (b *Bodies) endsWith(end *nats.Msg) error {
	switch status := end.Header.Get("Status"); status {
	case "404":
		return nil // there are no messages
	case "503":
		return nats.ErrNoResponders
	case "204":
		last, err := strconv.ParseUint(end.Header.Get("Nats-Last-Sequence"), 10, 64)
		if err != nil || last < uint64(len(b.Bodies)) {
			return ErrNoBodies
		}
		b.Last = last
		return nil
	default:
		return fmt.Errorf("the stream answers %s %s", status, end.Header.Get("Description"))
	}
}
