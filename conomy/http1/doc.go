// Package http1 is an [http.RoundTripper] that speaks HTTP/1.1 to one server, each
// call in the goroutine that makes it:
//
//	transport, err := http1.New(base, http1.Options{MaxIdle: 64})
//	resp, err := transport.RoundTrip(req)
//
// [http.Transport] has two goroutines for each connection, so that every call
// wakes three goroutines in turn. For a program whose calls are short and many
// that is a good part of what a call costs. What is said on the wire is written
// and read by net/http here, too ([http.Request.Write], [http.ReadResponse]);
// this package adds the connections:
//
//   - A connection carries one call at a time and is kept for the next one when
//     the answer was read to its end and nothing came after it. One that breaks
//     takes one call with it: with HTTP/2 all calls share a connection, and all
//     that were under way end without an answer at once.
//   - Before a kept connection is used, the socket is asked whether the server
//     has closed it. A request that meets the close has an unknown outcome.
//   - [UnsentError] says that no byte of the request has left. After any other
//     error the server may have got it.
//   - The request's context bounds all, reading the answer's body included.
//
// It has no proxies, no HTTP/2, no decompression, and tries nothing twice. Method
// and header are written as they are: who makes them of what others wrote has to
// check that. A server that says something between two calls (a TLS ticket, too)
// gets a new connection for the next one, and so does every call on systems whose
// sockets cannot be asked (probe_other.go).
//
// The RFC: https://www.rfc-editor.org/rfc/rfc9112
package http1
