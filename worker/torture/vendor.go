package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/conomy/conomytest"
)

// vendor is the emulator, with an address for each worker, so that its book knows who has called.
type vendor struct {
	*conomytest.Server
	servers []*http.Server
	addrs   []string // by worker; the last one is our own

	mu      sync.Mutex
	waiting map[int][]chan struct{} // by worker, for its next answer
}

const (
	// vendorLatency is how long a call takes: long enough for a fault to meet calls under way.
	vendorLatency = 20 * time.Millisecond
	// tokenTTL is how long an access token is good for.
	tokenTTL = 10 * time.Second
	// workerHeader names the worker in the book.
	workerHeader = "X-Torture-Worker"
	// callsKept bounds the book, for each event of the plan.
	callsKept = 30
)

func startVendor(o *Options) (*vendor, error) {
	v := &vendor{waiting: map[int][]chan struct{}{}, Server: conomytest.New(conomytest.Options{
		Latency: vendorLatency, TokenTTL: tokenTTL, KeepRequests: callsKept*o.Events + 10_000, SessionURL: o.Seed%2 == 0,
	})}
	for worker := range o.Workers + 1 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, v.close())
		}
		server := &http.Server{Handler: v.of(worker), ReadHeaderTimeout: 10 * time.Second}
		v.servers = append(v.servers, server)
		v.addrs = append(v.addrs, listener.Addr().String())
		go func() { _ = server.Serve(listener) }() // ends with ErrServerClosed
	}
	return v, nil
}

func (v *vendor) close() (err error) {
	v.Server.Close()
	for _, s := range v.servers {
		err = errors.Join(err, s.Close())
	}
	return err
}

// of serves one worker.
func (v *vendor) of(worker int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set(workerHeader, strconv.Itoa(worker+1))
		if r.Method == http.MethodPost && !strings.HasSuffix(r.URL.Path, "/auth") {
			defer v.answered(worker)
		}
		v.ServeHTTP(w, r)
	})
}

// answered wakes those who wait for the next answer to a worker.
func (v *vendor) answered(worker int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, of := range []int{worker, anyWorker} {
		for _, c := range v.waiting[of] {
			close(c)
		}
		delete(v.waiting, of)
	}
}

// aimFor is how long an answer is waited for: the worker may have nothing to ask.
const aimFor = 500 * time.Millisecond

// anyWorker stands for all of them.
const anyWorker = -1

// aim makes a wait for the next answer to a worker.
func (v *vendor) aim(worker int) (wait func(context.Context)) {
	c := make(chan struct{})
	v.mu.Lock()
	v.waiting[worker] = append(v.waiting[worker], c)
	v.mu.Unlock()
	return func(ctx context.Context) {
		select {
		case <-c:
		case <-ctx.Done():
		case <-time.After(aimFor):
		}
	}
}

// outsider is a client of the vendor's beside the workers.
func (v *vendor) outsider() (*conomy.Client, error) {
	return conomy.New(conomy.Config{
		BaseURL: "http://" + v.addrs[len(v.addrs)-1] + outsidePath, UserAgent: "outsider/1", Timeout: 10 * time.Second, MaxConns: 1,
		Credentials: conomy.Credentials{APIKey: "outsider", ClientID: "outsider", ClientSecret: "outsider"},
	})
}

// The vendor answers under any path. Faults are for calls under the workers' alone.
const (
	sandboxPath = "/sandbox"
	outsidePath = "/outside"
)

// makeTaken makes the link that is there before its event comes.
func (t *trial) makeTaken(ctx context.Context, e *event) error {
	amount := string(e.amount)
	if e.class == TakenOther {
		amount = "2" + amount
	}
	m := t.Merchant
	destination := conomy.Destination{
		Type: "ACCOUNT", Amount: amount, Currency: "CLP", Account: &conomy.Account{AccountNumber: m.AccountNumber},
	}
	if m.AccountIdentityID != "" {
		destination.Identity = &conomy.Identity{IdentityID: m.AccountIdentityID}
	}
	client, err := t.vendor.outsider()
	if err != nil {
		return err
	}
	defer client.Close()
	for range 3 { // its access token may be revoked
		_, err = client.CreatePaymentLink(ctx, &conomy.PaymentLinkRequest{
			CheckoutToken: e.token, Currency: "CLP", PaymentMethodsAllowed: []string{"CARD"}, Duration: 3600,
			Items:        []conomy.Item{{PreTaxAmount: amount, TotalAmount: amount, Description: "Plan"}},
			Destinations: []conomy.Destination{destination}, Owner: conomy.Owner{IdentityID: m.OwnerIdentityID},
		})
		if _, there := t.vendor.Link(e.token); there {
			if e.class == TakenExpired {
				t.vendor.SetStatus(e.token, conomytest.StatusExpired)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("making the link that is to be there already: %w", err)
}
