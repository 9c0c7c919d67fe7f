package events

// Subjects of the four events.
const (
	// SubjectInvoiceIssued asks for one payment link; its data is an [Invoice].
	SubjectInvoiceIssued = "invoice.issued"
	// SubjectSessionRequested asks for one checkout session of an existing
	// link; its data is a [SessionRequest].
	SubjectSessionRequested = "session.requested"
	// SubjectLinkCreated tells of a hosted URL; its data is a [LinkCreated].
	SubjectLinkCreated = "link.created"
	// SubjectLinkFailed tells of a dead letter; its data is a [LinkFailed].
	SubjectLinkFailed = "link.failed"
	// DeadLetterPrefix and the original subject make a dead letter's subject.
	DeadLetterPrefix = "deadletter."
)

// Streams that carry the subjects. An installation may carry them in streams of
// other names: look a stream up by its subject where that matters.
const (
	StreamBilling     = "BILLING"
	StreamLinks       = "LINKS"
	StreamDeadLetters = "DEADLETTERS"
)

// Durable consumers of the worker on the stream that carries its subjects.
const (
	ConsumerInvoices = "linkworker-invoices"
	ConsumerSessions = "linkworker-sessions"
)

// Limits, in bytes.
const (
	// MaxEventBytes is the most that the body of one message may have.
	MaxEventBytes = 256 << 10
	// MaxMetadataBytes is the most that metadata may have, as it is written in
	// the event.
	MaxMetadataBytes = 64 << 10
	// MaxTokenBytes is the most that a checkoutToken or a requestId may have,
	// in UTF-8.
	MaxTokenBytes = 200
)

// Limits of a link's duration, in seconds.
const (
	// MinDuration is the vendor's own lower limit.
	MinDuration int64 = 30
	// MaxDuration is the longest time that a [time.Duration] can hold, some 292
	// years: any longer one could not be added to a time.
	MaxDuration int64 = 9_223_372_036
)

// Kind is what an event asks for or tells of.
type Kind string

// The two kinds.
const (
	KindPaymentLink     Kind = "payment_link"
	KindCheckoutSession Kind = "checkout_session"
)

// kindOf is the kind that a subject asks for, "" for any other subject.
func kindOf(subject string) Kind {
	switch subject {
	case SubjectInvoiceIssued:
		return KindPaymentLink
	case SubjectSessionRequested:
		return KindCheckoutSession
	default:
		return ""
	}
}
