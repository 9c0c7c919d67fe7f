package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/conomy/conomytest"
)

const (
	// sandboxPath is the path of the vendor's sandbox.
	sandboxPath = "/sandbox"
	// sandboxKeeps bounds the memory of a sandbox that runs for long.
	sandboxKeeps = 1 << 20
)

func newSandboxCommand(a *app) *cobra.Command {
	var addr string
	options := conomytest.Options{KeepLinks: sandboxKeeps}
	cmd := &cobra.Command{
		Use:   "sandbox [flags]",
		Short: "Run an emulator of Conomy's sandbox",
		Long: `Run an emulator of Conomy's API: it makes payment links and checkout sessions in
memory, with the vendor's rules and errors, and takes any API key and any client
id and secret, but no ready-made access token. It can be slow, fail and limit
the rate on demand. The page at / says what it shows of its state. It ends on
SIGINT or SIGTERM.`,
		Example: `  linkworker sandbox
  linkworker sandbox --addr :8085 --latency 150ms --fail-rate 0.05 --rate-limit 400`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case options.Latency < 0:
				return usagef("--latency must not be negative")
			case !(options.FailRate >= 0 && options.FailRate <= 1): // so that NaN fails too
				return usagef("--fail-rate must be from 0 to 1")
			case !(options.RateLimit >= 0 && options.RateLimit <= 1e6):
				return usagef("--rate-limit must be from 0 to 1000000")
			}
			return a.serveSandbox(cmd.Context(), addr, options)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&addr, "addr", "127.0.0.1:8085", "address to listen on")
	flags.DurationVar(&options.Latency, "latency", 0, "time that every call takes")
	flags.Float64Var(&options.FailRate, "fail-rate", 0, "share of calls that fail with status 500, from 0 to 1")
	flags.Float64Var(&options.RateLimit, "rate-limit", 0, "calls a second before status 429; 0: no limit")
	return cmd
}

// serveSandbox serves until ctx ends.
func (a *app) serveSandbox(ctx context.Context, addr string, options conomytest.Options) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	sandbox := conomytest.New(options)
	server := &http.Server{Handler: sandbox, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	go func() { // #nosec G118 -- ctx has ended when the deadline begins
		<-ctx.Done()
		sandbox.Close() // calls that hang would hold the server up
		deadline, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(deadline)
	}()
	if err := a.printSandbox(listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func (a *app) printSandbox(addr net.Addr) error {
	base := "http://" + dialable(addr.String())
	_, err := fmt.Fprintf(a.stdout, `# Conomy's sandbox, emulated: %s
# To point a worker at it:
export CONOMY_BASE_URL=%s
export CONOMY_API_KEY=sandbox CONOMY_CLIENT_ID=sandbox CONOMY_CLIENT_SECRET=sandbox
`, base+"/", base+sandboxPath)
	if err == nil {
		a.sayf("A worker on another machine needs this machine's name there, and CONOMY_ALLOW_HTTP=true. Ctrl-C ends the sandbox.")
	}
	return err
}
