package rights

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

var inboxForm = regexp.MustCompile(`^[A-Za-z0-9_.-]*$`)

// Whatever subject a server complains about, the right that is told is of that subject, or of inboxes.
func FuzzRead(f *testing.F) {
	f.Add(true, "link.created", "_INBOX_worker")
	f.Add(false, "_INBOX.abc.1", "")
	f.Add(true, "", "_INBOX")
	f.Add(true, "a\x1b[2J.b", "x")
	f.Fuzz(func(t *testing.T, publish bool, subject, prefix string) {
		verb := map[bool]string{true: "Publish", false: "Subscription"}[publish]
		if !inboxForm.MatchString(prefix) {
			return // refused as a setting
		}
		nc := &nats.Conn{Opts: nats.Options{InboxPrefix: prefix}}
		err := fmt.Errorf("%w: Permissions Violation for %s to %q", nats.ErrPermissionViolation, verb, subject)
		m := Read(nc, err)
		switch {
		case m == nil:
			t.Fatalf("%v is no complaint", err)
		case m.Verb == Publish != publish:
			t.Fatalf("%v gives the verb %q", err, m.Verb)
		case m.Inbox && !strings.HasSuffix(m.Subject, ".>"):
			t.Fatalf("%v gives %+v", err, m)
		case strings.ContainsAny(m.Right(), "\x1b\n\x00\""):
			t.Fatalf("%v gives %q", err, m.Right())
		}
		if Read(nc, fmt.Errorf("another error: %q", subject)) != nil {
			t.Fatal("another error is a complaint")
		}
	})
}
