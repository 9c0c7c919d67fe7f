package deadletter

// Advice is what a reason usually means and what to do, in plain words.
type Advice struct {
	// Meaning is what happened, Cause whose fault it usually is.
	Meaning, Cause string
	// Do lists what to do, in order.
	Do []string
}

// AdviceFor returns the advice for a reason; ok is false for a reason that is not
// known.
func AdviceFor(r Reason) (a Advice, ok bool) {
	a, ok = advice[r]
	return a, ok
}

// advice has one text a reason. They are sentences, and name the commands with ID
// where the letter's id has to stand.
var advice = map[Reason]Advice{
	ReasonInvalidEvent: {
		Meaning: "The event cannot be read, or breaks a rule of its schema. The vendor was not asked.",
		Cause: "The billing system wrote something wrong; or it left out what the worker has no default for " +
			"(the detail then names a MERCHANT_ setting).",
		Do: []string{
			"Read the detail: it names each bad field with its path.",
			"A MERCHANT_ setting is named: set it for the worker, restart it, then: linkworker dlq replay ID",
			"One event is wrong: linkworker dlq edit ID --set path=value",
			"Many are wrong in the same way: have the billing system mended, which then sends them anew; discard these.",
		},
	},
	ReasonConflict: {
		Meaning: "The checkoutToken stands for other terms already (currency, items, destinations or owner), " +
			"or its link at the vendor is expired or paid. That link was left as it is.",
		Cause: "The billing system used a token again for another invoice, or changed an invoice after it was issued.",
		Do: []string{
			"Compare the two sides in the detail: which is right?",
			"The link that exists is right: linkworker dlq discard ID",
			"This event is right: have it issued under a new token, or: linkworker dlq edit ID --set checkoutToken=NEW; " +
				"and see that nobody pays the old link.",
			"A replay as it is will end here again.",
		},
	},
	ReasonRejected: {
		Meaning: "The vendor refused the event in its own words, and would refuse it each time.",
		Cause: "A value that the vendor does not allow (a currency, a payment method, an account, a sum), " +
			"or, for a session, a token of which the vendor has no link.",
		Do: []string{
			"Read code, type and detail; the vendor's support asks for the trace id.",
			"A value is wrong: linkworker dlq edit ID --set path=value",
			"Something was wrong at the vendor (an account that was locked, a method not enabled) and is mended: linkworker dlq replay ID",
			"A session without a link: issue the invoice first, then: linkworker dlq replay ID",
		},
	},
	ReasonExhausted: {
		Meaning: "Every attempt failed with a fault that is not the event's by the vendor's words (an error 5xx, a timeout, " +
			"an answer without sense), while the vendor answered others.",
		Cause: "Usually a fault at the vendor that is over, or one that this very event sets off there.",
		Do: []string{
			"Find out whether it is over: linkworker dlq ls --reason exhausted --group code,detail",
			"Try a few and see: linkworker dlq replay --reason exhausted --canary 5",
			"One event fails again and again: hand trace id and time of the last attempt to the vendor's support.",
			"A replay makes no second link: the token is looked up where the vendor has it already.",
		},
	},
	ReasonPanic: {
		Meaning: "The worker crashed over this event, or 20 workers in a row vanished while they worked on it.",
		Cause:   "A fault of the worker's; or the workers were killed for another cause (memory, a bad node) while they had this event.",
		Do: []string{
			"Look into the worker's log at the time of the last attempt: it has the stack of a panic.",
			"The workers were killed from outside: mend that, then: linkworker dlq replay ID",
			"It was a panic: report it with the log, and replay once there is a version that mends it.",
		},
	},
}
