package deadletter

import (
	"context"
	"errors"
	"fmt"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/terms"
)

// Prospect is what is to be expected of a replay.
type Prospect string

// The prospects.
const (
	// ProspectCreate is that the vendor would be asked.
	ProspectCreate Prospect = "create"
	// ProspectResume is that a link which is recorded already would be published.
	ProspectResume Prospect = "resume"
	// ProspectPublished is that the link is published already: nothing would come of
	// it.
	ProspectPublished Prospect = "published"
	// ProspectConflict is that the token has a link with other terms.
	ProspectConflict Prospect = "conflict"
	// ProspectInvalid is that the event still breaks a rule.
	ProspectInvalid Prospect = "invalid"
	// ProspectWait is that the event would wait for another one that is in work.
	ProspectWait Prospect = "wait"
	// ProspectSent is that this replay has been sent, and has ended: the letter would
	// only be removed.
	ProspectSent Prospect = "sent"
	// ProspectLost is that there is nothing to replay: see [ErrNoOriginal].
	ProspectLost Prospect = "lost"
)

// Prospects returns all of them.
func Prospects() []Prospect {
	return []Prospect{
		ProspectCreate, ProspectResume, ProspectPublished, ProspectConflict, ProspectInvalid, ProspectWait, ProspectSent, ProspectLost,
	}
}

// Forecast is a prospect and what is to be said of it.
type Forecast struct {
	Prospect Prospect
	// Detail is one line for people. It holds no payer's values.
	Detail string
}

// Foresee says what is to be expected of a replay, from what Redis knows and from
// the event's rules. It changes nothing. What the vendor would answer it cannot
// know, nor which defaults the worker has.
func Foresee(ctx context.Context, claims *claim.Store, r *Replay) (*Forecast, error) {
	event, err := r.Event()
	if invalid := invalidOf(err); invalid != nil {
		sight, err := claims.Inspect(ctx, invalid.Token, "", r.Origin.ID())
		if err != nil {
			return nil, err
		}
		if sight.Dead {
			return ended(sight), nil
		}
		return stillInvalid(invalid), nil
	} else if err != nil {
		return nil, err
	}
	identity := r.identity(event)
	sight, err := claims.Inspect(ctx, event.Token(), identity, r.Origin.ID())
	if err != nil {
		return nil, err
	}
	f, err := r.foresee(event, identity, sight)
	if invalid := invalidOf(err); invalid != nil {
		return stillInvalid(invalid), nil
	}
	return f, err
}

func invalidOf(err error) *events.InvalidError {
	var invalid *events.InvalidError
	errors.As(err, &invalid)
	return invalid
}

func stillInvalid(invalid *events.InvalidError) *Forecast {
	return &Forecast{ProspectInvalid, invalid.Error()}
}

func ended(sight *claim.Sight) *Forecast {
	f := &Forecast{ProspectSent, "this replay was sent before and ended as a dead letter again; only this letter would be removed"}
	if sight.Letter != "" {
		f.Detail = fmt.Sprintf("this replay was sent before and ended as dead letter %s; only this one would be removed", sight.Letter)
	}
	return f
}

func (r *Replay) foresee(event *events.Event, identity string, sight *claim.Sight) (*Forecast, error) {
	own := sight.Event == r.Origin.ID()
	switch {
	case sight.Dead:
		return ended(sight), nil
	case sight.State == "published" && own:
		return &Forecast{ProspectSent, "this replay was sent before and its link is published; only the letter would be removed"}, nil
	case sight.State == "published" && events.Perishable(identity) && sight.Perished:
		return r.fresh(event, sight)
	case sight.State == "published", sight.State == "recorded" && sight.Event == "":
		difference, err := conflict(event, sight.Terms)
		if err != nil {
			return nil, err
		}
		if difference != "" {
			return &Forecast{ProspectConflict, "the token has a link with other terms: " + difference}, nil
		}
		if sight.State == "recorded" {
			return &Forecast{ProspectResume, "the vendor has made it; it would only be published"}, nil
		}
		return &Forecast{ProspectPublished, "it is published already; nothing would be made and nobody told again"}, nil
	case sight.State != "" && own:
		return &Forecast{ProspectSent, "this replay was sent before and is in work; only the letter would be removed"}, nil
	case sight.State != "" && sight.Event != "":
		return &Forecast{ProspectWait, "another event has the token in work, or had; it would wait until that one has ended"}, nil
	}
	return r.fresh(event, sight)
}

// conflict says in which terms the event differs from the recorded ones, "" where it
// does not; in the same words as the worker's.
func conflict(event *events.Event, recorded []byte) (string, error) {
	if event.Invoice == nil || len(recorded) == 0 {
		return "", nil
	}
	own, err := terms.Given(event.Invoice)
	if err != nil {
		return "", err
	}
	diff, err := terms.Compare(own, recorded, false, func(text string) string { return MaskPayer(text, event) })
	if err != nil {
		return "", err
	}
	return diff.String(), nil
}

// fresh is the forecast for an event of which nothing is recorded.
func (r *Replay) fresh(event *events.Event, sight *claim.Sight) (*Forecast, error) {
	if event.Invoice != nil {
		if _, err := terms.Given(event.Invoice); err != nil {
			return nil, err
		}
	}
	f := &Forecast{ProspectCreate, "the vendor would be asked for a payment link"}
	if event.Session != nil {
		f.Detail = "the vendor would be asked for a checkout session"
		switch sight.Link {
		case "claimed":
			f.Detail += ", once the link, which is in work, is there"
		case "":
			f.Detail += "; nothing is known here of its link"
		}
	}
	if r.Letter.Reason == ReasonInvalidEvent && r.Origin.Hash == r.Letter.hash() {
		f.Detail += "; it keeps the schema's rules, so see that what the worker said is mended: " + r.Letter.Detail
	}
	return f, nil
}
