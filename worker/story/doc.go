// Package story tells what became of one checkoutToken: it gathers what the streams, Redis and the vendor know of it, and
// puts it in order of time. It changes nothing, asks for no right that it can do without, and knows no terminal.
//
//	told := story.Sources{NATS: js, Claims: claims, Vendor: vendor}.Tell(ctx, story.Question{Token: "invoice-2001"})
//	for _, fact := range told.Facts {
//		fmt.Println(fact.Time, fact.Place, fact.Text)
//	}
//	fmt.Println(told.Verdict.Text)
//
// # Where it looks
//
// First in Redis: the records of the token name the messages that belong to it, see [claim.Store.Recall]. These are read
// one by one, so a story takes as long with a month of other events in the streams as without. The vendor is asked for the
// link by the id that the record has.
//
// What Redis does not know (it was flushed, or the token was seen longer ago than it remembers) is searched for: BILLING,
// LINKS and DEADLETTERS are read from [Question.Since] on, by default from [SearchBack] ago. With Since in the question
// they are searched in any case.
//
// A NATS user needs no more than to read the three streams, see the package history, and for what no worker has taken in
// yet $JS.API.CONSUMER.INFO.{stream}.{consumer} of the worker's two consumers.
//
// # What it says
//
// Each [Fact] is one thing that happened, or that is so now, at one place; times are those of the place, so two places may
// differ by what their clocks do. A place that could not be read is a [Gap], which says why and what to mend; the rest of
// the story is told all the same. A [Verdict] sums it up.
//
// Nothing in a story is a payer's: no name, no address, no e-mail. Its texts hold others' words, though, so what shows them
// on a terminal must make them fit for one.
package story
