// Package deadletter is the dead-letter stream as a store: what a dead letter
// is, how it stands in a message, how it is put into the stream and read from it
// again, and how it is found, corrected, replayed and discarded. It knows no
// terminal: commands and consoles stand on it.
//
// # Writing
//
// A message from the billing stream carries an event for the first time, or as a
// replay; [OriginOf] tells which, and names the event so that the name is the
// same through all its replays:
//
//	origin := deadletter.OriginOf(msg.Headers(), meta)
//	letter := &deadletter.Letter{
//		Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(),
//		Reason: deadletter.ReasonRejected, Detail: deadletter.MaskDetail(detail, payer),
//		Event: origin.Event, Replays: origin.Replays, EventID: origin.ID(),
//		…
//	}
//	id, err := deadletter.Put(ctx, js, stream, letter, nc.MaxPayload())
//
// Put may be repeated: the letter's Nats-Msg-Id is made of its EventID, and the
// stream answers a repeat with the first one's sequence. That sequence is the
// letter's id.
//
// # The message
//
// A letter's message has the body and the headers of the message that failed, and
// what is known of the failure in headers that begin with Deadletter-. A header
// of the original that JetStream would act on (Nats-TTL, Nats-Rollup,
// Nats-Expected-…, any other Nats-…) is kept under Deadletter-Original- and its
// whole name. What does not fit the server's limits is left out and named in
// Deadletter-Omitted; the original still lies where Deadletter-Stream and
// Deadletter-Sequence say.
//
// # Reading
//
// [Get] reads one letter by its id, [Parse] any message of the stream. Both give
// the message as it failed, its Nats-… headers under their own names.
//
// # Looking after dead letters
//
// [Open] finds the stream. [Store.List] walks it from the newest letter to the
// oldest, as far as a [Filter] goes, and [Causes] counts what it finds by what is
// behind it; [AdviceFor] says in plain words what a reason means.
//
//	store, err := deadletter.Open(ctx, js, "")
//	err = store.List(ctx, deadletter.Filter{Token: "shop-7/*"}, func(e *deadletter.Entry) error {
//		fmt.Println(e.ID, e.Letter.Reason, e.Letter.Detail)
//		return nil
//	})
//	sent, err := store.Replay(ctx, 7)
//
// [Foresee] says what would become of a replay, [Watch] what did.
//
// # Replays
//
// A replay is the event published to its subject again: first it is sent, then the
// letter is removed. [Origin.Mark] gives it the headers by which [OriginOf] knows
// it for what it is. Its name is made of the event's and of how often it was
// replayed, so a replay that was cut off between the two steps, or that runs twice
// at once, is one try: the stream drops the repeat, and where its duplicate window
// has passed, the worker knows the try as one that has ended.
//
// A correction ([Replay.Corrected]) adds the hash of the corrected data to the
// name, and so is a try of its own beside one of the old data; what the event asks
// for stays the same thing, so both make one link.
package deadletter
