package story

import (
	"context"
	"errors"
	"net/http"

	"github.com/linkworker/linkworker/conomy"
)

// askVendor asks the vendor for the link, whose id Redis or link.created has.
func (t *telling) askVendor(ctx context.Context) {
	if t.Vendor == nil {
		return
	}
	id := t.linkID()
	if id == "" {
		t.gap(PlaceVendor, "not asked: no id of a link is known, and the vendor has no search by checkoutToken",
			"look for the token among the owner's links in the vendor's console")
		return
	}
	link, err := t.Vendor.GetPaymentLink(ctx, id)
	var refused *conomy.Error
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound && refused.Documented:
		t.answered(PlaceVendor)
		t.add(Fact{Place: PlaceVendor, What: WhatUnknown, LinkID: id, Code: refused.Code, TraceID: refused.TraceID,
			Text: "the vendor does not know the link " + id + " (any more)"})
		return
	case errors.As(err, &refused) && refused.Kind == conomy.KindUnauthorized:
		t.gap(PlaceVendor, "the vendor refuses the credentials: "+err.Error(), "check CONOMY_API_KEY with CONOMY_CLIENT_ID and CONOMY_CLIENT_SECRET, or CONOMY_ACCESS_TOKEN")
		return
	case err != nil:
		t.gap(PlaceVendor, "the vendor was asked: "+err.Error(), "try again later")
		return
	}
	t.answered(PlaceVendor)
	f := Fact{
		Time: link.CreatedAt, Place: PlaceVendor, What: WhatMade, LinkID: link.ID, URL: link.URL, Status: link.Status,
		Amount: link.TotalAmount, Currency: link.Currency,
	}
	f.Text = "the vendor made the link " + link.ID + ", which is " + link.Status + " now"
	if link.CheckoutToken != t.question.Token {
		f.Text += "; its token is ANOTHER ONE: " + link.CheckoutToken
	}
	t.add(f)
}

// linkID is the vendor's id of the link.
func (t *telling) linkID() string {
	if t.memory != nil && t.memory.Link != nil {
		if id := read[recorded](t.memory.Link.Answer).LinkID; id != "" {
			return id
		}
	}
	if f := t.first(func(f *Fact) bool { return f.LinkID != "" }); f != nil {
		return f.LinkID
	}
	if t.memory != nil {
		for _, s := range t.memory.Sessions {
			if id := read[recorded](s.Answer).LinkID; id != "" {
				return id
			}
		}
	}
	return ""
}
