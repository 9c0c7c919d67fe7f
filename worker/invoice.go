package worker

import (
	"context"
	"errors"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// makeLink asks for the invoice's payment link until there is one or the event's fate is clear.
func (w *Worker) makeLink(ctx context.Context, d *delivery, c *claim.Claim) (*answer, error) {
	request := w.linkRequest(d)
	total, err := totalOf(d.terms.Items)
	if err != nil {
		return nil, err
	}
	for {
		link, made, err := w.tryLink(ctx, d, request)
		if err == nil {
			return answerOfLink(link, request, events.Amount(total.String()), made), nil
		}
		if err := w.afterFailure(ctx, d, c, err); err != nil {
			return nil, err
		}
	}
}

// tryLink creates the link; when the token is taken it looks up by what, and takes a link with our terms for our own. made
// is when the link was made, if that was now.
func (w *Worker) tryLink(ctx context.Context, d *delivery, request *conomy.PaymentLinkRequest) (link *conomy.PaymentLink, made time.Time, err error) {
	err = w.ask(ctx, d, func(ctx context.Context) (err error) {
		link, err = w.vendor.CreatePaymentLink(ctx, request)
		return err
	})
	if faultOf(ctx, err) != faultExists {
		return link, time.Now(), err
	}
	found, lookupErr := w.lookups.find(ctx, d.class, request)
	switch {
	case lookupErr != nil:
		return nil, made, lookupErr
	case found == nil:
		return nil, made, &notFoundError{err}
	}
	return found, made, w.matches(d, found, err)
}

// notFoundError is a 409 for a token that the look-up does not find: perhaps it will at the next try.
type notFoundError struct{ err error }

func (e *notFoundError) Error() string {
	return "the vendor has the token, and none of the owner's and account's links: " + e.err.Error()
}
func (e *notFoundError) Unwrap() error { return e.err }

// matches compares a link that was looked up with what we asked for.
func (w *Worker) matches(d *delivery, link *conomy.PaymentLink, exists error) error {
	conflict := dead(deadletter.ReasonConflict, exists)
	switch link.Status {
	case "EXPIRED", "FINISHED":
		conflict.detail = "the vendor has a link with this token, which is " + link.Status
		return conflict
	}
	diff, err := compare(d.terms, link, true, d.mask)
	switch {
	case err != nil:
		return err
	case len(diff.changed) > 0:
		conflict.detail = "the vendor has a link with this token and other terms: " + diff.String()
		return conflict
	case len(diff.missing) > 0: // what cannot be verified is not published
		return &notFoundError{errors.New("the vendor's link leaves out " + diff.String())}
	case link.URL == "":
		return &notFoundError{errors.New("the vendor's link has no URL")}
	}
	return nil
}

// linkRequest translates the invoice: its terms as they are recorded with the claim, the rest as it is now.
func (w *Worker) linkRequest(d *delivery) *conomy.PaymentLinkRequest {
	inv, merchant := d.event.Invoice, &w.settings.Merchant
	r := &conomy.PaymentLinkRequest{
		CheckoutToken: inv.CheckoutToken, Currency: d.terms.Currency,
		PaymentMethodsAllowed: inv.PaymentMethodsAllowed, Duration: inv.Duration,
		CustomerRequirements: inv.CustomerRequirements, Customer: vendorCustomer(inv.Customer),
		Items: vendorItems(d.terms.Items), Destinations: vendorDestinations(d.terms.Destinations),
		Owner: vendorOwner(d.terms.Owner),
	}
	if len(r.PaymentMethodsAllowed) == 0 {
		r.PaymentMethodsAllowed = merchant.PaymentMethods
	}
	if r.Duration == 0 {
		r.Duration = merchant.Duration
	}
	if r.CustomerRequirements == nil {
		r.CustomerRequirements = merchant.CustomerRequirements
	}
	r.SuccessURL, r.FailedURL = merchant.urls(inv)
	return r
}
