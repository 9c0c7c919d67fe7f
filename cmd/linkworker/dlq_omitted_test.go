package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/testenv"
)

// bulky is an invoice of so many bytes, far over what an event may have.
func bulky(token string, size int) string {
	head := strings.TrimSuffix(invoiceOf(token, "10"), "}") + `,"metadata":{"x":"`
	return head + strings.Repeat("x", size-len(head)-len(`"}}`)) + `"}}`
}

// TestLettersWithoutTheirBody looks after letters that were too large for their event's body, which is where the event
// came from, or gone from there.
func TestLettersWithoutTheirBody(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		c := newClinic(t, env)
		most := int(c.env.NATS(t).MaxPayload())
		bodies := map[string]string{
			"full":   bulky("full", most-50),    // as a replay, with headers more, it is more than NATS takes
			"large":  bulky("large", most-300),  // as a replay it fits
			"mended": bulky("mended", most-300), // corrected it fits, too
			"lost":   bulky("lost", most-300),
		}
		for _, token := range []string{"full", "large", "mended", "lost"} {
			c.emit(events.SubjectInvoiceIssued, bodies[token])
		}
		ids := map[string]string{}
		for id, l := range c.awaitLetters(len(bodies)) {
			if ids[l.Token] = idText(id); !l.BodyOmitted || len(l.Data) > 0 || l.Reason != deadletter.ReasonInvalidEvent {
				t.Errorf("%s: %d bytes, omitted %t, %s", l.Token, len(l.Data), l.BodyOmitted, l.Reason)
			}
			if l.Token == "lost" {
				c.lose(l)
			}
		}
		c.shown(ids, bodies)
		c.replayedOrNot(ids)

		if out := c.must("edit", ids["mended"], "--unset", "metadata", "--wait", heard); !strings.Contains(out, string(deadletter.FateCreated)) {
			t.Errorf("%.300s", out)
		}
		if code, stdout, stderr := c.dlq("edit", ids["lost"], "--unset", "metadata"); code != exitFailed || stdout != "" || !strings.Contains(stderr, "the original is gone") {
			t.Errorf("exit code %d\n%.300s\n%s", code, stdout, stderr)
		}
		for token, body := range map[string]string{"full": bodies["full"], "lost": ""} {
			gone := lines[wholeLine](t, c.must("discard", ids[token], "--yes"))[0]
			if gone.BodyLost != (body == "") || body != "" && (gone.Body == nil || *gone.Body != body) || len(gone.Headers) == 0 {
				t.Errorf("%s: discarded, and lost %t, %d headers", token, gone.BodyLost, len(gone.Headers))
			}
		}
		if left := c.awaitLetters(1); len(c.vendor.Links()) != 1 {
			t.Errorf("%d links, letters %v", len(c.vendor.Links()), left)
		}
	})
}

// lose takes a letter's event away from where it came from.
func (c *clinic) lose(l *deadletter.Letter) {
	c.t.Helper()
	stream, err := c.js.Stream(context.Background(), l.Stream)
	if err == nil {
		err = stream.DeleteMsg(context.Background(), l.Sequence)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// shown holds what show says to the bodies.
func (c *clinic) shown(ids, bodies map[string]string) {
	c.t.Helper()
	var shown wholeLine
	if err := json.Unmarshal([]byte(c.must("show", ids["large"], "-o", "json")), &shown); err != nil {
		c.t.Fatal(err)
	}
	if shown.Body == nil || *shown.Body != bodies["large"] || !strings.HasPrefix(shown.BodyFrom, events.StreamBilling+" ") || shown.BodyLost {
		c.t.Errorf("from %q, lost %t, and not the body", shown.BodyFrom, shown.BodyLost)
	}
	if out := c.must("show", ids["large"]); !strings.Contains(out, "\nBody, from "+shown.BodyFrom+"\n") || !strings.Contains(out, `"checkoutToken": "large"`) {
		c.t.Errorf("%.3000s", out)
	}
	if out := c.must("show", ids["lost"]); !strings.Contains(out, "left out of the letter for its size, and gone from "+events.StreamBilling+" ") {
		c.t.Errorf("%.3000s", out)
	}
}

// replayedOrNot replays what can be replayed, and leaves the other letters as they are.
func (c *clinic) replayedOrNot(ids map[string]string) {
	c.t.Helper()
	foreseen := map[string]deadletter.Prospect{}
	for _, line := range lines[prospectLine](c.t, c.must("replay", "--all", "--dry-run", "-o", "json")) {
		foreseen[line.ID] = line.Prospect
	}
	if foreseen[ids["large"]] != deadletter.ProspectInvalid || foreseen[ids["lost"]] != deadletter.ProspectLost {
		c.t.Errorf("foreseen: %v", foreseen)
	}
	code, stdout, stderr := c.dlq("replay", ids["large"], ids["full"], ids["lost"], "--yes", "--wait", heard)
	if code != exitFailed || !strings.Contains(stderr, "sent 1 of 3 dead letters") || !strings.Contains(stderr, "2 cannot be replayed") ||
		!strings.Contains(stdout, "raise max_payload") || !strings.Contains(stdout, "the original is gone") ||
		!strings.Contains(stdout, "failed     invalid_event") {
		c.t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	for id, l := range c.awaitLetters(len(ids)) {
		if now := idText(id); l.Replays != map[bool]int{true: 1}[l.Token == "large"] || l.Token != "large" && now != ids[l.Token] {
			c.t.Errorf("letter %s: %s, replayed %d times", now, l.Token, l.Replays)
		}
	}
}
