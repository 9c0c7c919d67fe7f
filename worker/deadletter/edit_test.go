package deadletter

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/testenv"
)

func TestEdit(t *testing.T) {
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWard(t, env)
		id := w.bury(events.SubjectInvoiceIssued, "inv-1", `{"checkoutToken":"inv-1"}`, nil)
		var invalid *events.InvalidError
		if _, err := w.Edit(w.ctx, id, []byte(`{"checkoutToken":"inv-1","currency":"USD"}`)); !errors.As(err, &invalid) || invalid.Fields[0].Path != "items" {
			t.Errorf("error %v", err)
		}
		if _, err := w.Edit(w.ctx, id, []byte(`{ "checkoutToken" : "inv-1" }`)); !errors.Is(err, ErrUnchanged) {
			t.Errorf("error %v", err)
		}
		if n := len(w.messages(events.SubjectInvoiceIssued)); n != 1 || len(w.ids(Filter{})) != 1 {
			t.Fatalf("%d messages, letters %v", n, w.ids(Filter{}))
		}
		entry, err := w.Get(w.ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		right := fmt.Sprintf(invoiceData, "inv-1")
		sent, err := w.Edit(w.ctx, id, []byte(right))
		if err != nil {
			t.Fatal(err)
		}
		all := w.messages(events.SubjectInvoiceIssued)
		replay := all[len(all)-1]
		origin := OriginOf(replay.Header, &jetstream.MsgMetadata{})
		if string(replay.Data) != right || len(w.ids(Filter{})) != 0 || sent.Event != origin.ID() ||
			origin.Event != entry.Letter.Event || origin.Replays != 1 || len(origin.Hash) != 2*hashBytes {
			t.Errorf("sent %+v: %+v, %s", sent, origin, replay.Data)
		}
	})
}

// session is the replay of a session request that the worker could read.
func session(header nats.Header, data, identity string) *Replay {
	l := full()
	l.Subject, l.Header, l.Data, l.Identity = events.SubjectSessionRequested, header, []byte(data), identity
	return &Replay{Letter: l, ID: 7, Origin: l.Origin().Next(""), Header: header, Data: l.Data}
}

func TestCorrectedKeepsTheIdentity(t *testing.T) {
	const base = `{"checkoutToken":"a","requestId":"r-1","customer":{"email":"a@b"}}`
	for name, tt := range map[string]struct{ before, identity, after, want string }{
		"another customer": {base, "request.r-1", `{"checkoutToken":"a","requestId":"r-1","customer":{"email":"c@d"}}`, "request.r-1"},
		"another request":  {base, "request.r-1", `{"checkoutToken":"a","requestId":"r-2","customer":{"email":"a@b"}}`, "request.r-2"},
		"no request":       {base, "request.r-1", `{"checkoutToken":"a","customer":{"email":"a@b"}}`, "message.shop-7/1001"},
		"none before": {`{"checkoutToken":"a","customer":{"email":"a@b"}}`, "customer.abc",
			`{"checkoutToken":"a","customer":{"email":"c@d"}}`, "customer.abc"},
		"could not be read before": {`{"checkoutToken":"a","requestId":"r-1"}`, "", base, ""},
	} {
		corrected, err := session(nil, tt.before, tt.identity).Corrected([]byte(tt.after))
		if err != nil || corrected.Origin.Identity != tt.want {
			t.Errorf("%s: %+v, error %v", name, corrected, err)
		}
	}
}

// The data is corrected in its envelope, whichever form the event has.
func TestCorrectedKeepsTheEnvelope(t *testing.T) {
	const before, after = `{"checkoutToken":"a","requestId":"r-1","customer":{"email":"a@b"}}`, `{"checkoutToken":"a","requestId":"r-1","customer":{"email":"c@d"}}`
	envelope := func(data string) string {
		return `{"specversion":"1.0","id":"e-1","source":"/shop","x":1.0,` + data + `}`
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(before))
	for name, tt := range map[string]struct {
		header       nats.Header
		before, want string
	}{
		"plain":              {nil, before, after},
		"binary":             {nats.Header{"ce-id": {"1"}, "ce-source": {"/s"}}, before, after},
		"binary, own field":  {nats.Header{"ce-id": {"1"}}, `{"specversion":"mine",` + before[1:], after},
		"structured":         {nil, envelope(`"data":` + before), envelope(`"data":` + after)},
		"by content type":    {nats.Header{"content-type": {"application/cloudevents+json; charset=utf-8"}}, `{"data":` + before + `}`, `{"data":` + after + `}`},
		"in base64":          {nil, envelope(`"data_base64":"` + encoded + `"`), envelope(`"data":` + after)},
		"null for no base64": {nil, envelope(`"data_base64":null,"data":` + before), envelope(`"data":` + after)},
	} {
		r := session(tt.header, tt.before, "request.r-1")
		corrected, err := r.Corrected([]byte(after))
		if err != nil || string(corrected.Data) != tt.want {
			t.Errorf("%s: %+v, error %v", name, corrected, err)
			continue
		}
		if event, err := corrected.Event(); err != nil || event.Session.Customer.Email != "c@d" {
			t.Errorf("%s: error %v", name, err)
		}
		if string(r.Data) != tt.before {
			t.Errorf("%s: the original is changed", name)
		}
	}
	for _, data := range []string{`{"specversion":"1.0","data":`, `[`, `{"specversion":"1.0","data_base64":"?"}`} {
		r := session(nats.Header{"Content-Type": {"application/cloudevents+json"}}, data, "")
		if _, err := r.Corrected([]byte(after)); err == nil || !strings.Contains(err.Error(), "cannot be corrected") {
			t.Errorf("%s: error %v", data, err)
		}
	}
}
