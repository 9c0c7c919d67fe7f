// Package history reads what a stream keeps, with the right to read it and no
// other.
//
//	log, err := history.Open(ctx, js, "LINKS", "link.created")
//	page, err := log.Read(ctx, 1, 256)
//	for msg, err := range log.Follow(ctx, 1) {
//		…
//	}
//
// No consumer is made: who may make one may have the server send what the stream
// keeps to any subject of the account, and so publish where they may not. A NATS
// user needs the right to publish to
//
//	$JS.API.STREAM.INFO.{stream}
//	$JS.API.DIRECT.GET.{stream}
//
// or, for a stream without allow_direct, to $JS.API.STREAM.MSG.GET.{stream} in place
// of the latter; then each message is a question of its own.
package history
