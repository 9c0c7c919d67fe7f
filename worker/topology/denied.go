package topology

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/worker/rights"
)

// unseen explains why something could not be looked at. right is the subject of
// the question, after the prefix of JetStream's API.
func (a asker) unseen(what, right string, err error) error {
	subject, missing := a.prefix()+right, new(rights.Missing)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%s cannot be looked up: %w: start the NATS server with JetStream (nats-server -js) "+
			"and enable it for this account", what, err)
	case errors.As(err, &missing):
		return fmt.Errorf("%s cannot be looked up: %w: %s", what, missing, mendOfRight(missing))
	case unanswered(err):
		return fmt.Errorf("%s cannot be looked up: NATS did not answer %q: %w: is JetStream up, has its cluster "+
			"a leader?", what, subject, err)
	default:
		return fmt.Errorf("%s cannot be looked up: %w", what, err)
	}
}

// unmade explains why something that is missing could not be made.
func (a asker) unmade(what, right string, err error) error {
	subject, denied := a.prefix()+right, new(rights.Missing)
	missing := what + " is missing and cannot be made: "
	const elsewhere = "run `linkworker provision` as a NATS user who may, or grant the right"
	switch {
	case errors.As(err, &denied):
		return fmt.Errorf("%s%w: %s", missing, denied, elsewhere)
	case unanswered(err):
		return fmt.Errorf("%sNATS did not answer %q: %w: is JetStream up, and has its cluster a leader?", missing, subject, err)
	}
	if mend := mendOf(err); mend != "" {
		return fmt.Errorf("%s%w: %s", missing, err, mend)
	}
	return fmt.Errorf("%s%w", missing, err)
}

// Errors of JetStream that have no name in nats.go, see the server's errors.json,
// https://github.com/nats-io/nats-server/blob/main/server/errors.json
const (
	codeNoPeers          jetstream.ErrorCode = 10005
	codeUnavailable      jetstream.ErrorCode = 10008
	codeNoResources      jetstream.ErrorCode = 10023
	codeNoStorage        jetstream.ErrorCode = 10047
	codeNotClustered     jetstream.ErrorCode = 10074
	codeTooManyPending   jetstream.ErrorCode = 10121
	codeNameTaken        jetstream.ErrorCode = jetstream.JSErrCodeStreamNameInUse
	codeSubjectsTaken    jetstream.ErrorCode = 10065
	codeConsumerExists   jetstream.ErrorCode = jetstream.JSErrCodeConsumerExists
	codeConsumerNamed    jetstream.ErrorCode = jetstream.JSErrCodeConsumerNameExists
	codeConsumerExisting jetstream.ErrorCode = jetstream.JSErrCodeConsumerAlreadyExists
)

// codeOf is JetStream's own number for the error, 0 for any other.
func codeOf(err error) jetstream.ErrorCode {
	var js jetstream.JetStreamError
	if errors.As(err, &js) && js.APIError() != nil {
		return js.APIError().ErrorCode
	}
	return 0
}

func mendOf(err error) string {
	switch codeOf(err) {
	case codeNoPeers, codeNotClustered:
		return "set NATS_REPLICAS to no more than the servers of the NATS cluster that have room"
	case codeNoResources, codeNoStorage:
		return "give JetStream more room (max_file_store, or the account's limit)"
	case jetstream.JSErrCodeMaximumConsumersLimit:
		return "raise the limit of consumers of the stream (nats stream edit --max-consumers) or of the account"
	case codeTooManyPending:
		return fmt.Sprintf("raise max_ack_pending of the server or the account to %d, or make the consumer "+
			"yourself with less", maxAckPending)
	default:
		return ""
	}
}

// taken says that someone else has just made it, or something in its place.
func taken(err error) bool {
	switch codeOf(err) {
	case codeNameTaken, codeSubjectsTaken, codeConsumerExists, codeConsumerNamed, codeConsumerExisting:
		return true
	}
	return false
}

func unanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}

// mendOfRight says what to do about a right without which nothing can be seen.
func mendOfRight(missing *rights.Missing) string {
	switch {
	case missing.Inbox:
		return "grant it, or set NATS_INBOX_PREFIX to what this user may subscribe to"
	case strings.HasSuffix(missing.Subject, rightToFind):
		return "run `linkworker provision` as a NATS user who may, since no stream of the usual name carries it, or grant the right"
	}
	return "grant it"
}

// prefix begins the subjects of JetStream's API.
func (a asker) prefix() string {
	switch o := a.js.Options(); {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	default:
		return jetstream.DefaultAPIPrefix
	}
}
