package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkworker/linkworker/worker/embedded"
)

func startNATS(t *testing.T, opts embedded.NATSOptions) *embedded.NATS {
	t.Helper()
	server, err := embedded.StartNATS(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func connect(t *testing.T, url string, opts ...nats.Option) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	conn, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return conn, js
}

// makeStream makes a stream on files for everything under "test.".
func makeStream(t *testing.T, js jetstream.JetStream) jetstream.Stream {
	t.Helper()
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "TEST", Subjects: []string{"test.>"}})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestNATSKeepsStreamsAndAddressThroughARestart(t *testing.T) {
	server := startNATS(t, embedded.NATSOptions{})
	conn, js := connect(t, server.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(5*time.Millisecond))
	makeStream(t, js)
	if _, err := js.Publish(t.Context(), "test.one", []byte("kept"), jetstream.WithMsgID("one")); err != nil {
		t.Fatal(err)
	}

	url := server.URL()
	server.Stop()
	eventually(t, "the client sees the stop", func() bool { return !conn.IsConnected() })
	if other, err := nats.Connect(url); err == nil {
		other.Close()
		t.Fatal("a stopped server still takes connections")
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if server.URL() != url {
		t.Fatalf("the address became %s, was %s", server.URL(), url)
	}
	eventually(t, "the same client is back", conn.IsConnected)

	stream, err := js.Stream(t.Context(), "TEST")
	if err != nil {
		t.Fatal(err)
	}
	message, err := stream.GetMsg(t.Context(), 1)
	if err != nil || string(message.Data) != "kept" {
		t.Fatalf("message %v, error %v", message, err)
	}
	ack, err := js.Publish(t.Context(), "test.one", []byte("again"), jetstream.WithMsgID("one"))
	if err != nil || !ack.Duplicate {
		t.Fatalf("the duplicate window did not outlive the restart: %+v, %v", ack, err)
	}
}

func TestNATSRestartsWhileItRuns(t *testing.T) {
	server := startNATS(t, embedded.NATSOptions{})
	for range 3 {
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		connect(t, server.URL())
	}
}

func TestNATSCloseRemovesOnlyItsOwnDirectory(t *testing.T) {
	own := startNATS(t, embedded.NATSOptions{})
	if _, err := os.Stat(own.Dir()); err != nil {
		t.Fatal(err)
	}
	given := startNATS(t, embedded.NATSOptions{Dir: t.TempDir()})
	_, js := connect(t, given.URL())
	makeStream(t, js)

	for _, server := range []*embedded.NATS{own, given} {
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if err := server.Restart(); err == nil {
			t.Error("a closed server started again")
		}
	}
	if _, err := os.Stat(own.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary directory is still there: %v", err)
	}
	if _, err := os.Stat(given.Dir()); err != nil {
		t.Errorf("the caller's directory is gone: %v", err)
	}

	again := startNATS(t, embedded.NATSOptions{Dir: given.Dir()})
	_, js = connect(t, again.URL())
	if _, err := js.Stream(t.Context(), "TEST"); err != nil {
		t.Errorf("a new server on the same directory has no stream: %v", err)
	}
}

func TestNATSMaxPayload(t *testing.T) {
	server := startNATS(t, embedded.NATSOptions{MaxPayload: 2000})
	conn, js := connect(t, server.URL())
	makeStream(t, js)
	if conn.MaxPayload() != 2000 {
		t.Errorf("the server allows %d bytes", conn.MaxPayload())
	}
	if _, err := js.Publish(t.Context(), "test.big", make([]byte, 2001)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("2001 bytes: %v", err)
	}
}

func TestNATSOnATakenPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	begun := time.Now()
	_, err = embedded.StartNATS(embedded.NATSOptions{Port: listener.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error: %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %s to say so", took)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNATSWithoutAUsableDirectory(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if server, err := embedded.StartNATS(embedded.NATSOptions{Dir: file}); err == nil {
		_ = server.Close()
		t.Error("JetStream started on a file")
	}
}

func TestNATSLogsErrors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	var out lockedBuffer
	_, err = embedded.StartNATS(embedded.NATSOptions{
		Dir: t.TempDir(), Port: port, Logger: slog.New(slog.NewTextHandler(&out, nil)),
	})
	if err == nil {
		t.Fatal("started on a taken port")
	}
	if got := out.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, strconv.Itoa(port)) {
		t.Errorf("log: %q", got)
	}
}

func TestFreePortIsNeverGivenTwice(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		port, err := embedded.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port < 15000 || port >= 32000 {
			t.Fatalf("port %d", port)
		}
		seen[port] = true
	}
}

func TestNATSStopsWithWorkUnderWay(t *testing.T) {
	server := startNATS(t, embedded.NATSOptions{})
	_, js := connect(t, server.URL(), nats.NoReconnect())
	makeStream(t, js)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var publishers sync.WaitGroup
	published := make(chan struct{}, 1<<20)
	for range 4 {
		publishers.Go(func() {
			for ctx.Err() == nil {
				if _, err := js.Publish(ctx, "test.x", nil); err != nil {
					return
				}
				published <- struct{}{}
			}
		})
	}
	for range 50 {
		<-published
	}
	server.Stop()
	cancel()
	publishers.Wait()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	_, js = connect(t, server.URL())
	stream, err := js.Stream(t.Context(), "TEST")
	if err != nil {
		t.Fatal(err)
	}
	if acknowledged, kept := 50+len(published), stream.CachedInfo().State.Msgs; kept < uint64(acknowledged) {
		t.Errorf("%d messages acknowledged, %d kept", acknowledged, kept)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
