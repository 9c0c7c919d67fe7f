package main

import (
	"fmt"
	"strings"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/conomy"
)

// newVendor makes a client of the vendor's, for so many calls at once. It connects to nothing yet.
func newVendor(cfg *config.Config, calls int, observe func(conomy.Call)) (*conomy.Client, error) {
	secured, err := cfg.ConomyTLS()
	if err != nil {
		return nil, err
	}
	settings := conomy.Config{
		BaseURL: cfg.Conomy.BaseURL, AllowHTTP: cfg.Conomy.AllowHTTP, Credentials: vendorCredentials(cfg.Conomy.Credentials),
		UserAgent: "linkworker/" + programVersion(), Timeout: cfg.Conomy.Timeout, MaxConns: calls, TLS: secured,
		Observe: observe,
	}
	if strings.HasPrefix(cfg.Conomy.BaseURL, "https:") {
		settings.Explain = explainVendor
	}
	return conomy.New(settings)
}

// explainVendor adds what to mend where certificates are at fault.
func explainVendor(err error) error {
	if mend := mendOfTLS(err, "CONOMY", "CONOMY_BASE_URL"); mend != "" {
		return fmt.Errorf("%w; %s", err, mend)
	}
	return err
}

func vendorCredentials(c config.Credentials) conomy.Credentials {
	return conomy.Credentials{
		APIKey: c.APIKey.Reveal(), ClientID: c.ClientID.Reveal(), ClientSecret: c.ClientSecret.Reveal(),
		AccessToken: c.AccessToken.Reveal(),
	}
}
