package deadletter

import (
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

// statusHeader is how NATS tells a client that a message without a body is no
// message but news of a request; nats.go looks at nothing else.
const statusHeader = "Status"

// copyOriginal copies the headers of the message that failed. Those that NATS
// would act on are kept under another name, ours from an earlier failure give way,
// and one that cannot be sent again (what another client wrote may break the rules
// of this one) is dropped.
func copyOriginal(to, original nats.Header, noBody bool) {
	for name, values := range original {
		switch {
		case !sendable(name) || hasPrefixFold(name, ownPrefix):
			continue
		case hasPrefixFold(name, natsPrefix), noBody && name == statusHeader:
			name = originalPrefix + name
		}
		to[name] = slices.Clone(values)
	}
}

// originalHeaders is the inverse of copyOriginal.
func originalHeaders(letter nats.Header) nats.Header {
	header := make(nats.Header, len(letter))
	for name, values := range letter {
		if original, kept := strings.CutPrefix(name, originalPrefix); kept && original != "" {
			name = original
		} else if hasPrefixFold(name, ownPrefix) || hasPrefixFold(name, natsPrefix) {
			continue
		}
		header[name] = slices.Clone(values)
	}
	if len(header) == 0 {
		return nil
	}
	return header
}

// sendable says that nats.go sends a header of this name: otherwise it refuses the
// whole message, and counts its headers as nothing.
func sendable(name string) bool {
	return headerSize(nats.Header{name: {""}}) > 0
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
