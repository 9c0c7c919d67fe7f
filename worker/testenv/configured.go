package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"

	"github.com/linkworker/linkworker/worker/embedded"
)

// Config is what a server of the test's own is started with.
type Config struct {
	// Files are put into one directory; Main is the one that the server is given.
	Files map[string]string
	Main  string
	// Environ is added to the server's environment.
	Environ map[string]string
	// Ask is nil when the server at the address answers, whoever has to ask.
	Ask func(ctx context.Context, url string) error
}

// configDir is the directory of the files in a container.
const configDir = "/etc/linkworker"

// write puts the files into a directory of the test's.
func (c Config) write(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range c.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// NATSWith starts another NATS server of e's kind that reads the configuration file, and returns its address. It ends with
// the test. Where it listens and keeps its streams is not the file's to say for an embedded one; in a container it must be
// port 4222.
func (e *Env) NATSWith(t *testing.T, c Config) (url string) {
	t.Helper()
	if e.Backend == Containers {
		server := &container{scheme: "nats", port: "4222", ask: c.Ask}
		return e.contain(t, server, natsImage, []string{"--config", path.Join(configDir, c.Main)}, c)
	}
	for name, value := range c.Environ {
		t.Setenv(name, value)
	}
	server, err := embedded.StartNATS(embedded.NATSOptions{ConfigFile: filepath.Join(c.write(t), c.Main)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL()
}

// RedisWith starts a Redis server that reads the configuration file, and returns its address. It ends with the test. The
// embedded Redis reads none: the redis-server on the PATH stands in for it, and without one the test is skipped.
func (e *Env) RedisWith(t *testing.T, c Config) (url string) {
	t.Helper()
	if e.Backend == Containers {
		server := &container{scheme: "redis", port: "6379", path: "/0", ask: c.Ask}
		return e.contain(t, server, redisImage, append([]string{"redis-server", path.Join(configDir, c.Main)}, redisCommand...), c)
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("left out: the run on a Redis server of this machine, which has none; the one in a container is the same")
	}
	port, err := embedded.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{filepath.Join(c.write(t), c.Main), "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", t.TempDir()}, redisCommand...)
	command := exec.Command(program, args...) // #nosec G204 -- redis-server, with arguments of the test's
	log := new(strings.Builder)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		<-ended
	})
	url = fmt.Sprintf("redis://127.0.0.1:%d/0", port)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := await(ctx, func() error { return c.Ask(ctx, url) }); err != nil {
		_ = command.Process.Kill()
		<-ended
		t.Fatalf("%v\n%s", err, log)
	}
	return url
}

// contain starts the server in a container of the test's own.
func (e *Env) contain(t *testing.T, server *container, image string, command []string, c Config) string {
	t.Helper()
	pair, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	hosts, err := daemonHosts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	options := []testcontainers.ContainerCustomizer{testcontainers.WithEnv(c.Environ)}
	dir := c.write(t)
	for name := range c.Files {
		options = append(options, testcontainers.WithFiles(testcontainers.ContainerFile{
			HostFilePath: filepath.Join(dir, name), ContainerFilePath: path.Join(configDir, name), FileMode: 0o644,
		}))
	}
	t.Cleanup(func() {
		if err := server.terminate(); err != nil {
			t.Error(err)
		}
	})
	if err := server.create(ctx, pair.guard, hosts, image, command, options...); err != nil {
		t.Fatal(err)
	}
	return server.URL()
}
