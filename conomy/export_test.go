package conomy

// NewTransport is the client's own, for tests that have an authority of their own.
var NewTransport = newTransport
