package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
)

func newHealthcheckCommand(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "healthcheck [flags]",
		Short: "Ask a running worker whether it is ready",
		Long: `Ask the worker that runs on this machine, at ADMIN_ADDR, whether it is ready, and
exit with 0 when it is. Meant for health checks in images that have no shell.`,
		Example: `  linkworker healthcheck
  linkworker healthcheck --admin-addr :9090`,
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load(cmd, config.GroupAdmin)
			if err != nil {
				return err
			}
			if cfg.AdminAddr == "" {
				return errors.New("ADMIN_ADDR is empty, so the worker has no address to ask; set it to the worker's")
			}
			if timeout <= 0 {
				return usagef("--timeout must be above zero")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if err := askReadiness(ctx, cfg.AdminAddr); err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, "ready")
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	uses(cmd, config.GroupAdmin)
	return cmd
}

// askReadiness is nil when the worker at addr is ready.
func askReadiness(ctx context.Context, addr string) error {
	target := "http://" + dialable(addr) + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	// No proxy and no redirects: the question is about this very address.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no worker answers: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	// The answer names what is missing; a cut-off answer is as good as a short one.
	body, _ := io.ReadAll(io.LimitReader(response.Body, 2048))
	return fmt.Errorf("not ready: %s answers %d: %s", target, response.StatusCode, oneLine(string(body)))
}

// dialable turns an address to listen on into one to connect to.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

// oneLine makes foreign text fit for a terminal.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return strings.Join(strings.Fields(clean), " ")
}
