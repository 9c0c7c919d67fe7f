package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
)

// secrets are values that nothing may show, in any spelling of a URL or of JSON.
var secrets = map[string]string{
	"API key": "canary-api-key-1", "client id": "canary-client-id-2", "client secret": "canary+client/secret=3", "access token": "canary.access.token-4",
	"NATS password": "canary/nats@pass:5", "Redis password": "canary/redis@pass:6", "another password": "canary-wrong-pass-7",
}

// payer is what of a payer nothing may show but events' bodies, in any case.
var payer = map[string]string{
	"id": "customer-0815", "firstName": "Zebulon", "lastName": "Featherstonehaugh", "email": "zeb.feather@canary.example", "phoneNumber": "5550199887",
	"documentNumber": "77.888.999-K", "street": "Rue Morgue", "streetNumber": "4711-Q", "optionalAddress": "Staircase 13B", "zipcode": "90210-77",
	"administrativeAreaLevel2": "Springfieldia", "administrativeAreaLevel3": "Evergreenia", "metadata": "canary-of-metadata",
}

func canaryCustomer() *events.Customer {
	return &events.Customer{
		ID: payer["id"], FirstName: payer["firstName"], LastName: payer["lastName"], Email: payer["email"], PhoneNumber: payer["phoneNumber"],
		PhoneNumberPrefix: "+56", DocumentType: "RUT", DocumentNumber: payer["documentNumber"], Address: &events.Address{
			AdministrativeAreaLevel1: "RM", AdministrativeAreaLevel2: payer["administrativeAreaLevel2"], AdministrativeAreaLevel3: payer["administrativeAreaLevel3"],
			Street: payer["street"], StreetNumber: payer["streetNumber"], OptionalAddress: payer["optionalAddress"], Country: "CHL", Zipcode: payer["zipcode"],
		},
	}
}

// search looks for canaries in a text that must have none. It is one that must not be empty.
func search(t *testing.T, what, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s is empty", what)
	}
	folded := strings.ToLower(text)
	look := func(kind, name, value string) {
		quoted, _ := json.Marshal(value)
		for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value), url.UserPassword("", value).String()[1:], strings.Trim(string(quoted), `"`)} {
			if at := strings.Index(folded, strings.ToLower(form)); at >= 0 {
				t.Errorf("%s shows %s %s: …%s…", what, kind, name, text[max(0, at-100):min(len(text), at+100)])
				return
			}
		}
	}
	for name, value := range secrets {
		look("the", name, value)
	}
	for name, value := range payer {
		look("the payer's", name, value)
	}
	if strings.Contains(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(text), payer["phoneNumber"]) {
		t.Errorf("%s shows the payer's phoneNumber in groups", what)
	}
}

// echo is a vendor that repeats all that it is told, wherever it can.
type echo struct {
	vendor  http.Handler
	refuses atomic.Bool // the credentials, from the start
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	heard := fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body)
	var asked struct {
		CheckoutToken string           `json:"checkoutToken"`
		Customer      *events.Customer `json:"customer"`
	}
	_ = json.Unmarshal(body, &asked) // of a list there is none
	if c := asked.Customer; c != nil {
		phone := c.PhoneNumber
		if len(phone) == 10 {
			phone = fmt.Sprintf("(%s) %s-%s", phone[:3], phone[3:6], phone[6:])
		}
		heard = fmt.Sprintf("%s %s %s <%s> %s%s: %s", c.FirstName, strings.ToUpper(c.LastName), c.DocumentNumber, c.Email, c.PhoneNumberPrefix, phone, heard)
	}
	quoted, _ := json.Marshal(heard)
	refuse := func(status int, format string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, quoted, status)
	}
	const documented, older = `{"detail":%s,"status":%d,"code":"11","type":"invalidParam","traceId":"t-1"}`, `{"message":%[1]s,"statusCode":%[2]d,"error":%[1]s}`
	kind, _, _ := strings.Cut(asked.CheckoutToken+sessionToken(r.URL.Path), "-")
	switch {
	case e.refuses.Load():
		refuse(http.StatusUnauthorized, documented)
	case r.URL.Path == "/sandbox/auth":
		_, _ = fmt.Fprintf(w, `{"accessToken":%q,"expiresIn":3600}`, secrets["access token"])
	case kind == "documented":
		refuse(http.StatusBadRequest, documented)
	case kind == "older":
		refuse(http.StatusUnprocessableEntity, older)
	case kind == "words":
		refuse(http.StatusBadRequest, `{"detail":"no","status":%[2]d,"code":%[1]s,"type":%[1]s,"traceId":%[1]s}`)
	case kind == "html":
		refuse(http.StatusBadGateway, `<html>%s %d`)
	case kind == "failing":
		refuse(http.StatusInternalServerError, documented)
	case kind == "garbage":
		refuse(http.StatusCreated, `{"id":%s,"checkoutToken":%[1]s,"url":%[1]s,"x":%[2]d}`)
	case kind == "elsewhere":
		w.Header().Set("Location", "https://elsewhere.example/?"+url.QueryEscape(heard))
		refuse(http.StatusFound, `%s %d`)
	case kind == "exists":
		refuse(http.StatusConflict, `{"detail":%s,"status":%d,"code":"13","type":"alreadyExist"}`)
	default:
		e.vendor.ServeHTTP(w, r)
	}
}

func sessionToken(path string) string {
	_, rest, _ := strings.Cut(path, "/payment-links/token/")
	return strings.TrimSuffix(rest, "/checkout-sessions")
}

// canaryEvents are events of every outcome, with how many dead letters they make.
func (s *canaryStage) canaryEvents() (tokens []string, dead int) {
	s.t.Helper()
	customer, _ := json.Marshal(canaryCustomer())
	frame := `{"checkoutToken":%q,"currency":%q,"items":[{"preTaxAmount":"10","totalAmount":%q,"description":"Plan of ` + payer["firstName"] + `"}],"customer":` + string(customer) +
		`,"metadata":{"a":"` + payer["metadata"] + `"}}`
	send := func(subject, data string) {
		if _, err := s.js.Publish(s.t.Context(), subject, []byte(data)); err != nil {
			s.t.Fatal(err)
		}
		s.published++
	}
	invoice := func(token, currency, amount string) {
		tokens = append(tokens, token)
		send(events.SubjectInvoiceIssued, fmt.Sprintf(frame, token, currency, amount))
	}
	session := func(token, more string) {
		send(events.SubjectSessionRequested, fmt.Sprintf(`{"checkoutToken":%q,"customer":%s%s}`, token, customer, more))
	}
	for _, kind := range []string{"documented", "older", "words", "html", "failing", "garbage", "elsewhere", "exists"} {
		invoice(kind+"-1", "USD", "12.50")
		session(kind+"-2", "")
		dead += 2
	}
	invoice("good-1", "USD", "12.50")
	session("good-1", "")
	session("good-1", `,"requestId":"r-1"`)
	s.eventually("the link is there", func() bool { return s.created()["link.created:good-1"] == 1 })
	send(events.SubjectInvoiceIssued, strings.Replace(fmt.Sprintf(frame, "good-1", "USD", "13"), "Plan of", "Plan "+payer["email"]+" of", 1)) // a conflict
	invoice("invalid-1", payer["lastName"], payer["email"])
	send(events.SubjectInvoiceIssued, `{"checkoutToken":"invalid-3","items":"`+payer["firstName"]+`","`+payer["street"]+`":{}`)
	send(events.SubjectSessionRequested, string(customer)+payer["lastName"])
	send(events.SubjectSessionRequested, `{"checkoutToken":"invalid-2","customer":{"firstName":["`+payer["firstName"]+`"]},"requestId":7}`)
	return append(tokens, "invalid-2"), dead + 5
}

// TestCanaries runs workers through every outcome and looks for credentials and payers' values in all that gets out.
func TestCanaries(t *testing.T) {
	s := newCanaryStage(t)
	first := s.process()
	s.eventually("the consumers are made", func() bool {
		_, err := s.js.Consumer(t.Context(), events.StreamBilling, events.ConsumerSessions)
		return err == nil
	})
	environ := s.environ
	s.environ = append(environ[:len(environ):len(environ)], "LOG_FORMAT=tint", "ADMIN_ADDR=")
	second := s.process()
	s.environ = environ
	s.eventually("both are at work", func() bool {
		return strings.Contains(first.log.String(), `"working"`) && strings.Contains(second.log.String(), "working")
	})
	tokens, dead := s.canaryEvents()
	s.eventually("every event has ended", func() bool { return s.ended(s.published) })
	s.searchEndpoints("at work")
	s.searchLetters(dead)
	s.searchRedis()
	s.searchCommands(tokens)

	first.dump()
	second.dump()
	s.echo.refuses.Store(true)
	third := s.process()
	s.eventually("readiness fails", func() bool { return strings.Contains(s.searchEndpoints("refused"), "credentials") })
	third.dump()
	for what, p := range map[string]*process{"a log in JSON": first, "a log for people": second, "a log of refusals": third} {
		log := p.log.String()
		search(t, what+", and the dump of its crash", log)
		if !strings.Contains(log, "goroutine ") || !strings.Contains(log, "credentials") && !strings.Contains(log, "dead letter") {
			t.Errorf("%s is not whole:\n%.2000s", what, log)
		}
	}
}

// dump ends a process as Ctrl-\ does, with all its goroutines in its log.
func (p *process) dump() {
	_ = p.Process.Signal(syscall.SIGQUIT)
	_ = p.Wait() // says how it ended, which is known
}

// searchEndpoints reads all that the administration's address answers.
func (s *canaryStage) searchEndpoints(when string) (ready string) {
	s.t.Helper()
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/", "/debug/pprof/goroutine?debug=2", "/config", "/debug/vars"} {
		response, err := http.Get("http://" + s.admin + path)
		if err != nil {
			return "" // between two processes
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			s.t.Fatal(err)
		}
		search(s.t, path+", "+when, string(body))
		if path == "/readyz" {
			ready = string(body)
		}
	}
	return ready
}

// searchLetters looks at the headers of dead letters; their bodies are the events.
func (s *canaryStage) searchLetters(want int) {
	s.t.Helper()
	found := 0
	for _, stream := range []string{events.StreamDeadLetters, events.StreamLinks} {
		for _, msg := range s.messages(stream) {
			search(s.t, "a header of "+msg.Subject, fmt.Sprint(history.WithoutAdded(msg.Header)))
			if notice, err := events.DecodeNotice(msg.Subject, msg.Header, msg.Data); err == nil && notice.Failed != nil {
				notice.Failed.Metadata = nil // the billing system's own
				search(s.t, "link.failed", fmt.Sprintf("%+v", notice.Failed))
				found++
			}
		}
	}
	if found != want {
		s.t.Errorf("%d events died, want %d", found, want)
	}
}

func (s *canaryStage) messages(name string) (all []*jetstream.RawStreamMsg) {
	s.t.Helper()
	stream, err := s.js.Stream(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		msg, err := stream.GetMsg(s.t.Context(), seq)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, msg)
	}
	return all
}

// searchCommands runs what shows something, but not what is there to show bodies.
func (s *canaryStage) searchCommands(tokens []string) {
	s.t.Helper()
	var all sync.WaitGroup
	places := make(chan struct{}, 4)
	look := func(what string, environ []string, args ...string) {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			out := s.command(environ, args...)
			search(s.t, strings.Join(args, " ")+what, out)
		})
	}
	for _, args := range [][]string{
		{"config"}, {"config", "-o", "json"}, {"config", "--check"}, {"provision", "--check"}, {"healthcheck"}, {"tail", "--all", "--limit", "10"},
		{"dlq", "ls"}, {"dlq", "ls", "-o", "json"}, {"dlq", "ls", "--group", "reason,code,detail,type"}, {"dlq", "ls", "--group", "detail", "-o", "json"},
		{"dlq", "replay", "--all", "--dry-run"}, {"dlq", "replay", "--all", "--dry-run", "-o", "json"}, {"run", "--help"}, {"config", "--help"},
	} {
		look("", s.environ, args...)
	}
	for i, token := range tokens {
		look("", s.environ, "explain", token, "--since", "1h", "-o", map[bool]string{false: "table", true: "json"}[i%2 == 0])
	}
	for what, faulty := range s.faultyEnvironments() {
		environ := append(s.environ[:len(s.environ):len(s.environ)], faulty...)
		look(" with "+what, environ, "run")
		look(" with "+what, environ, "explain", "good-1")
		for _, args := range [][]string{{"config"}, {"config", "-o", "json"}, {"dlq", "ls"}} { // in this process, which is quicker
			var out buffer
			code := run(s.t.Context(), args, environ, strings.NewReader(""), &out, &out)
			search(s.t, strings.Join(args, " ")+" with "+what, fmt.Sprint(out.String(), code))
		}
	}
	all.Wait()
	search(s.t, "dlq replay --wait", s.command(s.environ, "dlq", "replay", "--token", "documented-1", "--wait", "10s"))
}

// command runs one to its end and returns all that it says.
func (s *canaryStage) command(environ []string, args ...string) string {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "linkworker", args...)
	cmd.Env = environ
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		s.t.Errorf("%v: %v", args, errors.Join(err, ctx.Err()))
	}
	return fmt.Sprintf("%s(%v)", out, cmd.ProcessState)
}
