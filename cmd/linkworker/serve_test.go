package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func testContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 20*time.Second)
}

// running is the program at work, in this process.
type running struct {
	stdout *bufio.Scanner
	stderr *buffer
	cancel context.CancelFunc
	code   chan int
}

// buffer may be written and read at once.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func boot(t *testing.T, environ []string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	r := &running{stdout: bufio.NewScanner(reader), stderr: &buffer{}, cancel: cancel, code: make(chan int, 1)}
	go func() {
		code := run(ctx, args, environ, strings.NewReader(""), writer, r.stderr)
		_ = writer.Close()
		r.code <- code
	}()
	t.Cleanup(cancel)
	return r
}

// line returns the next line of standard output.
func (r *running) line(t *testing.T) string {
	t.Helper()
	// Ending the program ends its output, and so the wait for it.
	timer := time.AfterFunc(20*time.Second, r.cancel)
	defer timer.Stop()
	if !r.stdout.Scan() {
		t.Fatalf("no more output: %v\n%s", r.stdout.Err(), r.stderr)
	}
	return r.stdout.Text()
}

// stop ends the program as SIGTERM does and returns its exit code.
func (r *running) stop(t *testing.T) int {
	t.Helper()
	r.cancel()
	for r.stdout.Scan() {
		continue
	}
	select {
	case code := <-r.code:
		return code
	case <-time.After(20 * time.Second):
		t.Fatal("the program does not end")
		return -1
	}
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestSandboxServesAndStops(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	r := boot(t, nil, "sandbox", "--addr", "127.0.0.1:0")
	var base string
	for base == "" {
		base, _ = strings.CutPrefix(r.line(t), "export CONOMY_BASE_URL=")
		if !strings.HasPrefix(base, "http://127.0.0.1:") {
			base = ""
		}
	}
	if !strings.HasSuffix(base, "/sandbox") {
		t.Errorf("base URL %s", base)
	}
	if env := r.line(t); env != "export CONOMY_API_KEY=sandbox CONOMY_CLIENT_ID=sandbox CONOMY_CLIENT_SECRET=sandbox" {
		t.Errorf("got %s", env)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/auth", strings.NewReader(`{"clientId":"sandbox","clientSecret":"sandbox"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"x-api-key": "sandbox", "conomyhq-api-version": "24-04-2025", "User-Agent": "test/1", "Content-Type": "application/json", "Accept": "application/json",
	} {
		request.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "accessToken") {
		t.Errorf("status %d, body %s, error %v", response.StatusCode, body, err)
	}
	if code := r.stop(t); code != exitDone {
		t.Errorf("exit code %d\n%s", code, r.stderr)
	}
	if err := goleak.Find(leaks); err != nil {
		t.Error(err)
	}
}

func TestTailFollowsThroughARestart(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	dir := filepath.Join(t.TempDir(), "jetstream")
	s, err := startServer(dir, -1)
	if err != nil {
		t.Fatal(err)
	}
	publish := func(token string) {
		t.Helper()
		nc, err := nats.Connect(s.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if err := publishLinks(nc, token); err != nil {
			t.Fatal(err)
		}
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"CREATED", "FAILED"} { // two streams: both are read
		if err := makeStream(nc, stream); err != nil {
			t.Fatal(err)
		}
	}
	publish("before")
	var asked sync.Map
	if _, err := nc.Subscribe("$JS.API.DIRECT.GET.*", func(msg *nats.Msg) { asked.Store(msg.Subject, true) }); err != nil {
		t.Fatal(err)
	}
	r := boot(t, []string{"NATS_URL=" + s.ClientURL()}, "tail", "-o", "json")
	until(t, "questions to both streams", func() bool {
		_, created := asked.Load("$JS.API.DIRECT.GET.CREATED")
		_, failed := asked.Load("$JS.API.DIRECT.GET.FAILED")
		return created && failed
	})
	nc.Close()
	publish("while")
	both := r.line(t) + r.line(t)
	if strings.Contains(both, `"before"`) || strings.Count(both, `"checkoutToken":"while"`) != 2 {
		t.Errorf("got %s", both)
	}
	port := portOf(t, s.ClientURL())
	stopServer(s)
	until(t, "the loss of the connection", func() bool { return strings.Contains(r.stderr.String(), "reconnecting") })
	if s, err = startServer(dir, port); err != nil {
		t.Fatal(err)
	}
	publish("after")
	both = r.line(t) + r.line(t)
	if strings.Count(both, `"checkoutToken":"after"`) != 2 {
		t.Errorf("got %s", both)
	}
	if code := r.stop(t); code != exitDone {
		t.Errorf("exit code %d\n%s", code, r.stderr)
	}
	stopServer(s)
	if err := goleak.Find(leaks); err != nil {
		t.Error(err)
	}
}

func TestHealthcheck(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			return // 200, for whoever follows a redirect
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "nats: away\nredis: \x1b[31mok")
	}))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, c := range []struct {
		status     int
		addr       string
		code       int
		stdout, is string
	}{
		{200, port, 0, "ready\n", ""},
		{200, "0.0.0.0" + port, 0, "ready\n", ""},
		{200, "127.0.0.1" + port, 0, "ready\n", ""},
		{503, port, 1, "", "answers 503: nats: away redis: [31mok\n"},
		{302, port, 1, "", "answers 302"},
		{200, "", 1, "", "ADMIN_ADDR is empty"},
		{200, "127.0.0.1:1", 1, "", "no worker answers"},
		{200, "nonsense", 1, "", "ADMIN_ADDR (--admin-addr): \"nonsense\" is not host:port"},
	} {
		status = c.status
		var stdout strings.Builder
		var stderr buffer
		code := run(t.Context(), []string{"healthcheck"}, []string{"ADMIN_ADDR=" + c.addr}, nil, &stdout, &stderr)
		if code != c.code || stdout.String() != c.stdout || !strings.Contains(stderr.String(), c.is) {
			t.Errorf("%d at %q: exit code %d, %q, %q", c.status, c.addr, code, stdout.String(), stderr.String())
		}
	}
}

// What can be read once only is kept in memory, and no more of it than that
// should hold.
func TestPipedInputIsBounded(t *testing.T) {
	const limit = 1 << 20
	if _, err := twice(&input{name: "standard input"}, strings.NewReader(strings.Repeat(" ", limit+1)), limit); err == nil ||
		err.Error() != "standard input: over 1 MiB; write it to a file and emit that" {
		t.Errorf("error %v", err)
	}
	in, err := twice(&input{}, strings.NewReader(strings.Repeat(" ", limit-2)+"{}"), limit)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n := 0
		for _, err := range in.events() {
			if n++; err != nil {
				t.Error(err)
			}
		}
		if n != 1 {
			t.Errorf("%d events", n)
		}
		if err := in.rewind(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogFormats(t *testing.T) {
	for _, c := range []struct{ format, want string }{{"auto", `"msg":"hello"`}, {"json", `"msg":"hello"`}, {"tint", "INF hello"}} {
		var stderr buffer
		a := &app{environ: []string{"LOG_FORMAT=" + c.format}, stderr: &stderr}
		cfg, err := a.load(newVersionCommand(a), "Logging")
		if err != nil {
			t.Fatal(err)
		}
		log := a.newLogger(cfg)
		log.Debug("unseen")
		log.Info("hello")
		if got := stderr.String(); !strings.Contains(got, c.want) || strings.Contains(got, "unseen") || strings.Contains(got, "\x1b") {
			t.Errorf("%s: %s", c.format, got)
		}
	}
	if isTerminal(&strings.Builder{}) || isTerminal(os.NewFile(^uintptr(0), "none")) {
		t.Error("no terminal there")
	}
}
