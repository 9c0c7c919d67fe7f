package conomy

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
)

// blank is what requests are copies of.
var blank http.Request

func (c *Client) request(ctx context.Context, x *exchange, body []byte, grant grant) *http.Request {
	req := blank.WithContext(ctx)
	req.Method, req.URL, req.Header = x.method, x.url, c.header(grant)
	if req.URL == nil {
		req.URL = c.url(x)
	}
	if body != nil {
		req.ContentLength = int64(len(body))
		req.Body = io.NopCloser(bytes.NewReader(body))
		if !c.own { // which sends a body once
			req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		}
	}
	return req
}

// headers are what all requests with the same grant carry.
type headers struct {
	apiKey, token string
	header        http.Header
}

// header returns the headers of a request. A transport only reads them
// ([http.RoundTripper]), so that requests may share them.
func (c *Client) header(grant grant) http.Header {
	if h := c.headers.Load(); h != nil && h.apiKey == grant.creds.APIKey && h.token == grant.token {
		return h.header
	}
	h := &headers{apiKey: grant.creds.APIKey, token: grant.token, header: http.Header{
		"X-Api-Key":            {grant.creds.APIKey},
		"Conomyhq-Api-Version": {apiVersion},
		"User-Agent":           {c.userAgent},
		"Accept":               {"application/json"},
		"Accept-Encoding":      {"gzip"},
		"Content-Type":         {"application/json"}, // asked for on every request, with a body or without
	}}
	if grant.token != "" {
		h.header["Authorization"] = []string{"Bearer " + grant.token}
	}
	c.headers.Store(h)
	return h.header
}

// url makes the URL of an exchange. It gives both the path and its escaped form,
// so that net/http writes the escaping as it stands here.
func (c *Client) url(x *exchange) *url.URL {
	u := *c.base
	raw := c.base.EscapedPath()
	for _, segment := range x.path {
		u.Path += "/" + segment
		raw += "/" + escapeSegment(segment)
	}
	u.RawPath = raw
	u.RawQuery = x.query.Encode()
	return &u
}
