package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// vendor asks for payment links.
type vendor struct {
	client *http.Client
	url    string
	apiKey string
}

func newVendor(baseURL, apiKey string, concurrency int) *vendor {
	return &vendor{
		client: &http.Client{
			Timeout:   15 * time.Second,
			Transport: &http.Transport{MaxIdleConns: concurrency, MaxIdleConnsPerHost: concurrency, DisableCompression: true},
		},
		url: baseURL + "/payment-links", apiKey: apiKey,
	}
}

// invoice is what a peer reads of an event.
type invoice struct {
	CheckoutToken string          `json:"checkoutToken"`
	Currency      string          `json:"currency"`
	Duration      int64           `json:"duration,omitzero"`
	Items         json.RawMessage `json:"items"`
	Methods       json.RawMessage `json:"paymentMethodsAllowed,omitempty"`
	Destinations  json.RawMessage `json:"destinations,omitempty"`
	Owner         json.RawMessage `json:"owner,omitempty"`
	Customer      json.RawMessage `json:"customer,omitempty"`

	// Of the billing system's own: never for the vendor.
	InvoiceID string          `json:"invoiceId,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
}

// answer is what a peer reads of the vendor's.
type answer struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Status    string    `json:"status"`
	Amount    string    `json:"totalAmount"`
	CreatedAt time.Time `json:"createdAt"`
}

// link is the data of link.created.
type link struct {
	Kind          string          `json:"kind"`
	CheckoutToken string          `json:"checkoutToken"`
	URL           string          `json:"url"`
	LinkID        string          `json:"linkId"`
	Status        string          `json:"status"`
	ExpiresAt     time.Time       `json:"expiresAt"`
	Amount        string          `json:"amount"`
	Currency      string          `json:"currency"`
	Customer      json.RawMessage `json:"customer,omitempty"`
	InvoiceID     string          `json:"invoiceId,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	CreatedAt     time.Time       `json:"createdAt"`
	CausationID   string          `json:"causationId,omitempty"`
}

// makeLink turns an event's data into link.created's.
func (v *vendor) makeLink(ctx context.Context, data []byte, causation string) (token string, result []byte, err error) {
	var asked invoice
	if err := json.Unmarshal(data, &asked); err != nil {
		return "", nil, err
	}
	own := asked
	asked.InvoiceID, asked.Metadata = "", nil
	body, err := json.Marshal(&asked)
	if err != nil {
		return "", nil, err
	}
	a, err := v.post(ctx, body)
	if err != nil {
		return "", nil, err
	}
	result, err = json.Marshal(&link{
		Kind: "payment_link", CheckoutToken: own.CheckoutToken, URL: a.URL, LinkID: a.ID, Status: a.Status,
		ExpiresAt: a.CreatedAt.Add(time.Duration(own.Duration) * time.Second), Amount: a.Amount, Currency: own.Currency,
		Customer: own.Customer, InvoiceID: own.InvoiceID, Metadata: own.Metadata, CreatedAt: time.Now().UTC(), CausationID: causation,
	})
	return own.CheckoutToken, result, err
}

func (v *vendor) post(ctx context.Context, body []byte) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Api-Key", v.apiKey)
	req.Header.Set("Authorization", "Bearer peers")
	req.Header.Set("Content-Type", "application/json")
	resp, err := v.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("the vendor answers %s", resp.Status)
	}
	a := new(answer)
	return a, json.Unmarshal(text, a)
}

// headers are those of link.created.
func headers(token string) map[string]string {
	id := "link.created:" + token
	return map[string]string{
		"ce-specversion": "1.0", "ce-id": id, "ce-source": "peers", "ce-type": "link.created", "ce-subject": token,
		"ce-time": time.Now().UTC().Format(time.RFC3339Nano), "ce-datacontenttype": "application/json",
		"Content-Type": "application/json", "Nats-Msg-Id": id,
	}
}
