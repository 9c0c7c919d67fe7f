// Package rights reads from the complaints of a NATS server what a user may not do.
//
// A server does not answer what a user may not ask. It complains beside the question, to whoever handles the
// connection's errors, and the question waits until its time is up:
//
//	nats.ErrorHandler(func(nc *nats.Conn, _ *nats.Subscription, err error) {
//		if missing := rights.Read(nc, err); missing != nil {
//			log.Print(missing) // this NATS user has no right to publish to link.created
//		}
//	})
package rights

import (
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
)

// Missing is a right that a NATS user does not have.
type Missing struct {
	// Verb is [Publish] or [Subscribe].
	Verb string
	// Subject is what the right is missing for. An inbox is given as the pattern of all
	// of the connection's: each has a new name.
	Subject string
	// Inbox says that it is one of these: the user can ask, and hear no answer.
	Inbox bool
}

// The verbs.
const (
	Publish   = "publish"
	Subscribe = "subscribe"
)

func (m *Missing) Error() string { return "this NATS user has no right to " + m.Right() }

// Right is the right itself.
func (m *Missing) Right() string { return m.Verb + " to " + m.Subject }

// Unwrap is [nats.ErrPermissionViolation].
func (m *Missing) Unwrap() error { return nats.ErrPermissionViolation }

// Read reads an error of the connection; nil where it is no complaint about rights.
func Read(nc *nats.Conn, err error) *Missing {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	// Permissions Violation for Publish to "subject"
	text, rest, _ := strings.Cut(err.Error(), `"`)
	subject, _, _ := strings.Cut(rest, `"`)
	m := &Missing{Verb: Publish, Subject: subject}
	if strings.Contains(text, "Subscription") {
		m.Verb = Subscribe
	}
	if prefix := inboxPrefix(nc); strings.HasPrefix(subject, prefix) {
		m.Subject, m.Inbox = prefix+">", true
	}
	return m
}

func inboxPrefix(nc *nats.Conn) string {
	if nc.Opts.InboxPrefix == "" {
		return nats.InboxPrefix
	}
	return nc.Opts.InboxPrefix + "."
}
