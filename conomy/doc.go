// Package conomy speaks the payment provider's HTTP API: payment links, checkout
// sessions and the access token that both need. It knows nothing of queues,
// stores or events.
//
// Make one [Client] and share it; it is safe for concurrent use, keeps its
// connections and holds one access token, which it refreshes ahead of expiry:
//
//	client, err := conomy.New(conomy.Config{
//		BaseURL:     "https://api.conomyhq.com/sandbox",
//		UserAgent:   "billing/1.4",
//		Credentials: conomy.Credentials{APIKey: k, ClientID: id, ClientSecret: s},
//	})
//	link, err := client.CreatePaymentLink(ctx, &conomy.PaymentLinkRequest{…})
//
// Every failed call returns an [*Error], or an error about the request itself
// that no other try can mend. The Error knows what a caller has to decide on:
// [Error.Retryable] (may the same call be tried again), [Error.OutcomeUnknown]
// (the provider may have done the work), [Error.RetryAfter] (everybody has to
// wait) and [KindUnauthorized] (the credentials are at fault, not the call).
// The client itself tries nothing twice, but for one fresh token after a 401.
//
// Nothing that the package returns or prints holds a credential, and no error
// text holds a payer's details: what the provider echoes of them is masked.
//
// Package conomytest, below this one, emulates the provider for tests.
//
// The provider's pages: https://docs.conomyhq.com
package conomy
