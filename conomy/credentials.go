package conomy

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "***"

// Credentials are what the provider knows the merchant by: an API key, and
// either a client ID with its secret, which are exchanged for access tokens, or
// one ready-made AccessToken, which is used as it is and wins over the others.
// However they are printed, they print as ***.
type Credentials struct {
	APIKey       string
	ClientID     string
	ClientSecret string
	AccessToken  string
}

// String returns ***.
func (Credentials) String() string { return redacted }

// GoString returns ***.
func (Credentials) GoString() string { return redacted }

// Format prints *** for every verb: a String method alone would not cover %d.
func (Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns ***.
func (Credentials) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns ***, so that no encoder writes the credentials out.
func (Credentials) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Validate says what is missing or cannot be sent in a header, naming fields
// and never values.
func (c Credentials) Validate() error {
	var errs []error
	if c.APIKey == "" {
		errs = append(errs, errors.New("APIKey is missing"))
	}
	if c.AccessToken == "" && (c.ClientID == "" || c.ClientSecret == "") {
		errs = append(errs, errors.New("neither AccessToken nor both ClientID and ClientSecret are given"))
	}
	if !headerSafe(c.APIKey) {
		errs = append(errs, errors.New("APIKey has characters that no header may carry"))
	}
	if !headerSafe(c.AccessToken) {
		errs = append(errs, errors.New("AccessToken has characters that no header may carry"))
	}
	return errors.Join(errs...)
}

// secrets lists the values that no text may show.
func (c Credentials) secrets() []string {
	return []string{c.APIKey, c.ClientID, c.ClientSecret, c.AccessToken}
}

// headerSafe holds values to printable ASCII, narrower than HTTP allows: a key
// with anything else is a copying mistake, and net/http would refuse part of it
// only when the first call is made.
func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
