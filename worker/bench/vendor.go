package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Vendor answers the calls that a worker makes for the events of a measurement, after a latency, and counts them. It has
// the vendor's one rule that counts here, that a checkoutToken is unique, and is quick, so that the time is not its own:
// the emulator of the vendor's sandbox reads and checks each request in full. It takes invoices of one item.
type Vendor struct {
	latency time.Duration

	mu    sync.Mutex
	made  map[string]struct{}
	count VendorCount
}

// VendorCount is what a [Vendor] was asked for; GET /count answers with it.
type VendorCount struct {
	Links    int `json:"links"`    // made
	Refused  int `json:"refused"`  // creates for a token that had its link
	Sessions int `json:"sessions"` // made
	Other    int `json:"other"`    // calls of another kind
}

// NewVendor returns a vendor whose answers take this long.
func NewVendor(latency time.Duration) *Vendor {
	return &Vendor{latency: latency, made: map[string]struct{}{}}
}

// ServeHTTP answers one call.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/count" {
		v.mu.Lock()
		count := v.count
		v.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(count) // whoever asked is gone
		return
	}
	body := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(body)
	body.Reset()
	if _, err := body.ReadFrom(io.LimitReader(r.Body, 1<<20)); err != nil {
		return // the caller is gone
	}
	if v.latency > 0 {
		time.Sleep(v.latency)
	}
	status, answer := v.answer(r, body)
	h := w.Header()
	h["Content-Type"], h["Content-Length"] = jsonType, []string{strconv.Itoa(answer.Len())}
	w.WriteHeader(status)
	_, _ = w.Write(answer.Bytes()) // whoever asked is gone
}

var (
	buffers  = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	jsonType = []string{"application/json"}
)

// answer writes the answer where the request's body was.
func (v *Vendor) answer(r *http.Request, body *bytes.Buffer) (int, *bytes.Buffer) {
	switch path := r.URL.Path; {
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/payment-links"):
		return v.create(body)
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/checkout-sessions"):
		v.note(func(c *VendorCount) { c.Sessions++ })
		token := strings.TrimSuffix(path[strings.Index(path, "/token/")+len("/token/"):], "/checkout-sessions")
		return http.StatusCreated, replace(body, `{"id":"session-`, token, `","checkoutToken":"`, token, `","status":"PENDING","expiresAt":"`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339), `"}`)
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/auth"):
		v.note(func(c *VendorCount) { c.Other++ })
		return http.StatusOK, replace(body, `{"accessToken":"bench","tokenType":"Bearer","expiresIn":86400}`)
	default:
		v.note(func(c *VendorCount) { c.Other++ })
		return http.StatusOK, replace(body, `{"pagination":{"count":0,"next":0,"total":0},"results":[]}`)
	}
}

// create answers with the request and what the vendor adds to it.
func (v *Vendor) create(body *bytes.Buffer) (int, *bytes.Buffer) {
	request := bytes.TrimRight(body.Bytes(), " \n")
	token, total := text(request, "checkoutToken"), text(request, "totalAmount")
	if token == "" || bytes.Count(request, []byte(`"totalAmount"`)) != 1 || request[len(request)-1] != '}' {
		return http.StatusBadRequest, replace(body, problem("400", "11", "invalidParam", "an invoice has a checkoutToken and one item"))
	}
	fresh := false
	v.note(func(c *VendorCount) {
		if _, made := v.made[token]; made {
			c.Refused++
			return
		}
		v.made[token] = struct{}{}
		c.Links++
		fresh = true
	})
	if !fresh {
		return http.StatusConflict, replace(body, problem("409", "13", "alreadyExist", "a payment link with this checkoutToken exists"))
	}
	body.Truncate(len(request) - 1)
	for _, part := range []string{
		`,"id":"link-`, token, `","status":"ACTIVE","url":"https://checkout.conomyhq.com/`, token, `","preTaxAmount":"`,
		text(request, "preTaxAmount"), `","totalAmount":"`, total, `","createdAt":"`, time.Now().UTC().Format(time.RFC3339Nano), `"}`,
	} {
		body.WriteString(part)
	}
	return http.StatusCreated, body
}

func (v *Vendor) note(what func(*VendorCount)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	what(&v.count)
}

func problem(status, code, kind, detail string) string {
	return `{"status":` + status + `,"code":"` + code + `","type":"` + kind + `","detail":"` + detail +
		`","traceId":"00000000-0000-4000-8000-000000000000"}`
}

func replace(body *bytes.Buffer, parts ...string) *bytes.Buffer {
	body.Reset()
	for _, part := range parts {
		body.WriteString(part)
	}
	return body
}

// text finds the value of a field that holds a plain text.
func text(data []byte, name string) string {
	key := `"` + name + `":"`
	_, rest, found := bytes.Cut(data, []byte(key))
	if !found {
		return ""
	}
	value, _, found := bytes.Cut(rest, []byte{'"'})
	if !found {
		return ""
	}
	return string(value)
}
