package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/linkworker/linkworker/conomy"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
	"github.com/linkworker/linkworker/worker/terms"
)

// makeLink asks for the invoice's payment link until there is one or the event's fate is clear.
func (w *Worker) makeLink(ctx context.Context, d *delivery, c *claim.Claim) (*answer, error) {
	request := w.linkRequest(d)
	for {
		link, made, err := w.tryLink(ctx, d, request)
		if err == nil {
			return answerOfLink(link, request, d.terms, made), nil
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
	found, lookupErr := w.lookups.find(ctx, d.class, request, &d.lookedUp)
	w.reached(d, stepLookedUp)
	switch {
	case lookupErr != nil:
		return nil, made, lookupErr
	case found == nil:
		return nil, made, &unverifiedError{err, "none of the owner's and account's links has the token"}
	}
	return found, made, w.matches(d, found, err)
}

// unverifiedError is a 409 for a token whose link cannot be found, or be told from another: perhaps it can at the next try.
type unverifiedError struct {
	exists error
	what   string
}

func (e *unverifiedError) Error() string { return e.what + ": " + e.exists.Error() }
func (e *unverifiedError) Unwrap() error { return e.exists }

// saysExists reports whether the vendor itself says that the token is taken; a gateway's 409 may mean anything.
func saysExists(err error) bool {
	var e *conomy.Error
	return errors.As(err, &e) && e.Documented && (e.Code == conomy.CodeAlreadyExist || e.Type == "alreadyExist" || e.Code == "")
}

// matches compares a link that was looked up with what we asked for.
func (w *Worker) matches(d *delivery, link *conomy.PaymentLink, exists error) error {
	conflict := dead(deadletter.ReasonConflict, exists)
	switch link.Status {
	case "EXPIRED", "FINISHED":
		conflict.detail = "the vendor has a link with this token, which is " + link.Status
		return conflict
	}
	diff, err := terms.Compare(d.terms, link, true, d.mask)
	switch {
	case err != nil:
		return err
	case len(diff.Changed) > 0:
		conflict.detail = "the vendor has a link with this token and other terms: " + diff.String()
		return conflict
	case len(diff.Missing) > 0: // what cannot be verified is not published
		return &unverifiedError{exists, "the vendor's link with the token cannot be verified: " + diff.String()}
	case link.URL == "":
		return &unverifiedError{exists, "the vendor's link with the token has no URL"}
	}
	return nil
}

// linkRequest translates the invoice. What it leaves out is as it was recorded with the claim.
func (w *Worker) linkRequest(d *delivery) *conomy.PaymentLinkRequest {
	inv, rest := d.event.Invoice, d.terms.Rest
	if rest == nil { // a claim of a version that recorded the terms alone
		rest = w.settings.Merchant.rest(inv)
	}
	r := &conomy.PaymentLinkRequest{
		CheckoutToken: inv.CheckoutToken, Currency: d.terms.Currency,
		PaymentMethodsAllowed: inv.PaymentMethodsAllowed, Duration: cmp.Or(inv.Duration, rest.Duration),
		CustomerRequirements: inv.CustomerRequirements, Customer: vendorCustomer(inv.Customer),
		Items: vendorItems(d.terms.Items), Destinations: vendorDestinations(d.terms.Destinations),
		Owner:      vendorOwner(d.terms.Owner),
		SuccessURL: cmp.Or(inv.SuccessURL, rest.SuccessURL), FailedURL: cmp.Or(inv.FailedURL, rest.FailedURL),
	}
	if len(r.PaymentMethodsAllowed) == 0 {
		r.PaymentMethodsAllowed = rest.PaymentMethodsAllowed
	}
	if r.CustomerRequirements == nil {
		r.CustomerRequirements = rest.CustomerRequirements
	}
	return r
}
