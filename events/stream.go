package events

import (
	"context"
	"errors"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamOf is the name of the stream that carries the subject. The stream of the
// default name is looked at first: where it carries the subject, no right is needed
// to see the names of others. The error is [jetstream.ErrStreamNotFound] where no
// stream does.
func StreamOf(ctx context.Context, js jetstream.JetStream, subject string) (string, error) {
	name := defaultStream(subject)
	stream, err := js.Stream(ctx, name)
	switch {
	case err == nil && slices.Contains(stream.CachedInfo().Config.Subjects, subject):
		return name, nil
	case err != nil && !errors.Is(err, jetstream.ErrStreamNotFound):
		return "", err
	}
	return js.StreamNameBySubject(ctx, subject)
}

// defaultStream is the stream that the worker makes for the subject.
func defaultStream(subject string) string {
	switch subject {
	case SubjectInvoiceIssued, SubjectSessionRequested:
		return StreamBilling
	case SubjectLinkCreated, SubjectLinkFailed:
		return StreamLinks
	default:
		return StreamDeadLetters
	}
}
