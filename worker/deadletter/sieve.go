package deadletter

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/history"
)

// sieve rules letters out by their bodies, which are read many times faster than their
// headers. A worker takes the token of a letter's header out of its body, so a body
// without the token is not of a letter that has it; what another program has put into
// the stream may be.
type sieve struct {
	token []byte
	// useless is that bodies are not to be had.
	useless atomic.Bool
}

// sieve is that of a filter for one token, nil for any other. A token with a blank may
// have another character in the body, which no header holds.
func (f Filter) sieve() *sieve {
	token, one := literal(clean(f.Token))
	if !one || token == "" || len(token) > events.MaxTokenBytes || strings.ContainsAny(token, " \uFFFD") {
		return nil
	}
	return &sieve{token: []byte(token)}
}

// passes reports whether the body may be of a letter that is looked for.
func (s *sieve) passes(body []byte) bool {
	switch {
	case len(body) == 0, bytes.Contains(body, []byte("data_base64")): // it lies elsewhere, or is wrapped up
		return true
	case bytes.IndexByte(body, '\\') >= 0:
		return s.inText(body)
	}
	for {
		before, after, found := bytes.Cut(body, s.token)
		if !found {
			return false
		}
		if bytes.HasSuffix(bytes.TrimRightFunc(before, dropped), []byte{'"'}) && bytes.HasPrefix(bytes.TrimLeftFunc(after, dropped), []byte{'"'}) {
			return true
		}
		body = after
	}
}

// dropped reports whether a header does not hold the character at a token's end.
func dropped(r rune) bool { return r == utf8.RuneError || clean(string(r)) == "" }

// inText looks through the texts of a body with escapes in it.
func (s *sieve) inText(body []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), lenient...)
	for {
		token, err := dec.ReadToken()
		switch {
		case err != nil:
			return dec.StackDepth() > 0 || dec.InputOffset() == 0 // broken: nothing is known
		case token.Kind() == '"' && strings.Contains(token.String(), string(s.token)):
			return true
		}
	}
}

// sift reports whether there may be something in the window.
func (w *window) sift(ctx context.Context) (bool, error) {
	for next := w.from; next <= w.to && !w.sieve.useless.Load(); {
		page, err := w.log.ReadBodies(ctx, next, int(min(w.to-next+1, maxWindow)))
		switch {
		case errors.Is(err, history.ErrNoBodies):
			w.sieve.useless.Store(true)
			return true, nil
		case err != nil:
			return false, err
		case len(page.Bodies) == 0:
			return false, nil
		}
		for _, body := range page.Bodies {
			if w.sieve.passes(body) {
				return true, nil
			}
		}
		// Behind holes a page ends beyond the window: then some are of the next one.
		n, beyond := uint64(len(page.Bodies)), page.Last-min(page.Last, w.to)
		w.seen += n - min(n, beyond)
		next = page.Last + 1
	}
	return w.sieve.useless.Load(), nil
}
