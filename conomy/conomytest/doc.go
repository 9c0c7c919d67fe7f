// Package conomytest emulates the payment provider's sandbox: an http.Handler
// with the provider's state and rules, and with faults by script.
//
// For a test, put it behind a server and point a client at it:
//
//	sandbox := conomytest.New(conomytest.Options{})
//	defer sandbox.Close()
//	server := httptest.NewServer(sandbox)
//	defer server.Close()
//	client, err := conomy.New(conomy.Config{BaseURL: server.URL + "/sandbox", …})
//
// Close the sandbox before the server: that ends the calls that hang by script,
// which the server would wait for.
//
// The API answers under any prefix, so a base URL may have a path. Do not mount
// the handler below an http.ServeMux: it redirects paths whose checkoutToken is
// a dot or has doubled slashes before the sandbox sees them.
//
// # State and rules
//
// A checkoutToken is unique: a second create with it is refused with 409. Links
// expire after their duration, access tokens after Options.TokenTTL. Links are
// found by the documented filters only; others, such as one on checkoutToken,
// are ignored. Sessions are made for existing links that are neither expired nor
// finished. Required headers are demanded and requests validated; sums are not
// compared. Checkout sessions can be made but not read again.
//
// # Faults
//
// [Server.Script] lets matching calls fail: with a status and any body, after a
// delay, by hanging or by cutting the connection, before the work is done or
// after it:
//
//	sandbox.Script(conomytest.Match{Endpoint: conomytest.EndpointCreatePaymentLink},
//		conomytest.Failure(503), conomytest.Fault{AfterWork: true, Cut: true})
//
// # Observing
//
// [Server.Links], [Server.Sessions], [Server.Requests], [Server.Creates] and
// [Server.Calls] tell what happened. People find the same as JSON below
// /_sandbox/, and a text about it at /.
package conomytest
