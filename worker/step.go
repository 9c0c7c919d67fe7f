package worker

// step is a point on an event's way: what comes before it is done, what comes after it is not. Between any two of them the
// worker may die, or stand still for longer than its lease.
type step string

const (
	stepReceived  step = "received"
	stepDecoded   step = "decoded"
	stepClaimed   step = "claimed"
	stepCalled    step = "called"    // the vendor has answered
	stepRecorded  step = "recorded"  // and Redis knows
	stepPublished step = "published" // link.created is in its stream
	stepMarked    step = "marked"    // and Redis knows
	stepJudged    step = "judged"    // the verdict is clear
	stepBuried    step = "buried"    // the verdict on a dead event is written down
	stepLetter    step = "letter"    // its dead letter is in its stream
	stepFailed    step = "failed"    // its link.failed is in its stream
	stepClosed    step = "closed"    // and Redis knows
	stepSettled   step = "settled"   // acknowledged, or given back
)
