package worker

// step is a point on an event's way: what comes before it is done, what comes after it is not. Between any two of them the
// worker may die, or stand still for longer than its lease.
//
// There is one after everything that is asked of Redis, the streams or the vendor for one event, so that no two lie in the
// same gap; TestEveryGapIsOnSomeWay holds them to that.
type step string

const (
	stepReceived  step = "received"  // nothing is done
	stepTaken     step = "taken"     // Redis has said whose the event is
	stepVouched   step = "vouched"   // the streams have said whether the event that holds the claim has ended
	stepCalling   step = "calling"   // the vendor is about to be called
	stepNoted     step = "noted"     // and Redis knows; beside the call
	stepCalled    step = "called"    // the vendor has answered, or has not
	stepLookedUp  step = "looked up" // what has the token is looked up at the vendor
	stepCounted   step = "counted"   // what was tried is written down
	stepAwaited   step = "awaited"   // the state of a session's link was read again
	stepRecorded  step = "recorded"  // the answer is written down
	stepRenewed   step = "renewed"   // the lease, which had ended, is good again
	stepPublished step = "published" // link.created is in its stream
	stepCompared  step = "compared"  // with the one that was there already under its id
	stepMarked    step = "marked"    // and Redis knows
	stepJudged    step = "judged"    // the verdict is clear
	stepBuried    step = "buried"    // the verdict on a dead event is written down
	stepLetter    step = "letter"    // its dead letter is in its stream
	stepFiled     step = "filed"     // and Redis knows
	stepTold      step = "told"      // its link.failed is in its stream
	stepClosed    step = "closed"    // and Redis knows
	stepReleased  step = "released"  // the claim of an event that comes again is free
	stepSettled   step = "settled"   // acknowledged, or given back
)
