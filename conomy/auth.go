package conomy

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxTokenBytes bounds an access token: it is sent in a header.
const maxTokenBytes = 16 << 10

// fetchToken exchanges the client's ID and secret for an access token.
//
// See https://docs.conomyhq.com (Authentication).
func (c *Client) fetchToken(ctx context.Context, creds Credentials) (*accessToken, error) {
	body, err := json.Marshal(struct {
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
	}{creds.ClientID, creds.ClientSecret})
	if err != nil {
		// The text of err may quote the secret.
		return nil, &Error{Endpoint: EndpointAuth, Kind: KindUnauthorized, text: "ClientID or ClientSecret is not valid UTF-8"}
	}
	var answer struct {
		AccessToken string         `json:"accessToken"`
		ExpiresIn   jsontext.Value `json:"expiresIn"`
	}
	var token *accessToken
	asked := c.now()
	fault := c.once(ctx, &exchange{
		endpoint: EndpointAuth, method: http.MethodPost, path: []string{"auth"}, out: &answer,
		check: func() error {
			life, err := tokenLife(answer.ExpiresIn)
			if err != nil {
				return err
			}
			if answer.AccessToken == "" || len(answer.AccessToken) > maxTokenBytes || !headerSafe(answer.AccessToken) {
				return errors.New("no accessToken that a header may carry")
			}
			token = newAccessToken(answer.AccessToken, life, asked)
			return nil
		},
	}, body, grant{creds: creds})
	switch {
	case fault == nil:
		return token, nil
	case refusesCredentials(fault):
		return nil, fault.unauthorized()
	default:
		return nil, fault
	}
}

// refusesCredentials tells a refusal from a fault of the moment. At this
// endpoint no other request would do better, so every lasting status is one.
func refusesCredentials(e *Error) bool {
	if e.Kind != KindStatus {
		return false
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented:
		return e.Documented
	default:
		return e.Status < 500
	}
}

// tokenLife reads expiresIn, in seconds.
func tokenLife(v jsontext.Value) (time.Duration, error) {
	s := scalar(v)
	if s == "" {
		return defaultLife, nil
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || !(seconds > 0) {
		return 0, errors.New("an expiresIn that is not a time to come")
	}
	return time.Duration(min(seconds, maxLife.Seconds()) * float64(time.Second)), nil
}
