package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// wire is the way of one worker to one place, through https://github.com/Shopify/toxiproxy.
type wire struct{ proxy *toxiproxy.Proxy }

// wires are those of one worker, by where they lead. There may be none to a place that no proxy can stand before.
type wires map[string]*wire

func strung(upstreams map[string]string) (_ wires, err error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := wires{}
	for to, upstream := range upstreams {
		p := toxiproxy.NewProxy(server, to, "127.0.0.1:0", upstream)
		if err := p.Start(); err != nil {
			w.close()
			return nil, fmt.Errorf("proxy to %s: %w", to, err)
		}
		w[to] = &wire{p}
	}
	return w, nil
}

func (w wires) close() {
	for _, one := range w {
		one.proxy.Stop()
	}
}

// addr is where the worker connects.
func (w *wire) addr() string { return w.proxy.Listen }

// cut ends all connections, and takes none until mend.
func (w *wire) cut() { w.proxy.Stop() }

func (w *wire) mend() error {
	err := w.proxy.Start()
	if errors.Is(err, toxiproxy.ErrProxyAlreadyStarted) {
		return nil
	}
	return err
}

var directions = []string{"upstream", "downstream"}

// slow delays all that passes, each way, until quicken.
func (w *wire) slow(latency time.Duration) error {
	for _, direction := range directions {
		toxic, err := json.Marshal(map[string]any{
			"name": direction, "type": "latency", "stream": direction,
			"attributes": map[string]int64{"latency": latency.Milliseconds(), "jitter": latency.Milliseconds() / 4},
		})
		if err != nil {
			return err
		}
		if _, err := w.proxy.Toxics.AddToxicJson(bytes.NewReader(toxic)); err != nil && !errors.Is(err, toxiproxy.ErrToxicAlreadyExists) {
			return err
		}
	}
	return nil
}

// quicken lets all pass as it comes again.
func (w *wire) quicken(ctx context.Context) error {
	var errs []error
	for _, direction := range directions {
		if err := w.proxy.Toxics.RemoveToxic(ctx, direction); !errors.Is(err, toxiproxy.ErrToxicNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// behind is the host:port of a URL that a proxy can stand before: one address, and no TLS, whose certificates name it.
func behind(raw, scheme string) (address string, ok bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != scheme || strings.Contains(u.Host, ",") || strings.Contains(raw, "master_name=") || u.Query().Has("addr") {
		return "", false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"nats": "4222", "redis": "6379"}[scheme]
	}
	return net.JoinHostPort(u.Hostname(), port), true
}

// instead is the URL with another host:port.
func instead(raw, address string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw // was parsed before
	}
	u.Host = address
	return u.String()
}
