package deadletter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/linkworker/linkworker/events"
)

// ErrUnchanged is a correction that corrects nothing.
var ErrUnchanged = errors.New("the data is the same as before")

// errEnvelope is a structured event whose envelope cannot be read.
var errEnvelope = errors.New("the event is a CloudEvent in structured mode that cannot be read, so its data cannot be corrected: " +
	"let the billing system send it anew, and discard the letter")

// hashBytes is how much of a SHA-256 names corrected data.
const hashBytes = 16

// EventData is the event's data as it stands in the message, out of its envelope
// where it has one. It need not be valid, nor JSON.
func (r *Replay) EventData() ([]byte, error) {
	if !r.structured() {
		return r.Data, nil
	}
	data, err := member(r.Data, "data")
	if err != nil {
		return nil, errEnvelope
	}
	if data != nil && data.Kind() != 'n' {
		return data, nil
	}
	encoded, err := member(r.Data, "data_base64")
	if err != nil || encoded == nil {
		return []byte("{}"), nil // there is none yet
	}
	text, err := jsontext.AppendUnquote(nil, encoded)
	if err != nil {
		return nil, errEnvelope
	}
	decoded, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return nil, errEnvelope
	}
	return decoded, nil
}

// Corrected is the replay with other data in the same envelope. The data has to
// keep every rule, else the error is an [*events.InvalidError]; it is
// [ErrUnchanged] where data says the same as before.
//
// A session request remains the same one (see [Origin.Identity]), unless its
// requestId is another one.
func (r *Replay) Corrected(data []byte) (*Replay, error) {
	old, err := r.EventData()
	if err != nil {
		return nil, err
	}
	if sameJSON(old, data) {
		return nil, ErrUnchanged
	}
	corrected := *r
	corrected.Data = data
	if r.structured() {
		if corrected.Data, err = setMember(r.Data, "data", data); err != nil {
			return nil, errEnvelope
		}
	}
	event, err := corrected.Event()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(bytes.TrimSpace(event.Data), bytes.TrimSpace(data)) {
		return nil, errEnvelope // it would be read in another way than it was written
	}
	sum := sha256.Sum256(data)
	corrected.Origin.Hash = hex.EncodeToString(sum[:hashBytes])
	if event.Session != nil && r.Origin.Identity != "" {
		before, err := r.Event()
		if err == nil && before.RequestID() != event.RequestID() {
			corrected.Origin.Identity = events.SessionIdentity(event, r.Origin.MsgID)
		}
	}
	return &corrected, nil
}

// Edit publishes corrected data in place of the letter's event and then removes the
// letter: [Store.Prepare], [Replay.Corrected] and [Store.Send] in one.
func (s *Store) Edit(ctx context.Context, id uint64, data []byte) (*Sent, error) {
	r, err := s.Prepare(ctx, id)
	if err != nil {
		return nil, err
	}
	corrected, err := r.Corrected(data)
	if err != nil {
		return nil, fmt.Errorf("dead letter %d: %w", id, err)
	}
	return s.Send(ctx, corrected)
}

// structured says that the body is a whole CloudEvent. The content type decides,
// then the headers, as in [events.Decode]; should the two ever differ, Corrected
// notices.
func (r *Replay) structured() bool {
	for name, values := range r.Header {
		if strings.EqualFold(name, "Content-Type") && len(values) > 0 && hasPrefixFold(values[0], "application/cloudevents") {
			return true
		}
	}
	for name := range r.Header {
		for _, attribute := range []string{"ce-specversion", "ce-id", "ce-source"} {
			if strings.EqualFold(name, attribute) {
				return false
			}
		}
	}
	version, err := member(r.Data, "specversion")
	return err == nil && version != nil && version.Kind() != 'n'
}

// sameJSON compares two texts but for white space.
func sameJSON(a, b []byte) bool {
	x, y := jsontext.Value(bytes.Clone(a)), jsontext.Value(bytes.Clone(b))
	if x.Compact() != nil || y.Compact() != nil {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(x, y)
}
