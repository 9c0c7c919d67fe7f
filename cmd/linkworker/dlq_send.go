package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/deadletter"
)

const (
	// sendersAtOnce is how many replays are on their way at once. Order between
	// events is not promised.
	sendersAtOnce = 8
	// sendTimeout bounds one replay: what is begun is finished, also after Ctrl-C.
	sendTimeout = 15 * time.Second
	// manyLines is above how many letters a person sees a summary and not each one.
	manyLines = 20
)

// sending is what was sent so far.
type sending struct {
	*replayer
	cfg     *config.Config
	targets *targets
	began   time.Time

	mu          sync.Mutex
	sent        []*deadletter.Sent
	gone, unfit int
	stopped     bool
	bar         *progressbar.ProgressBar
}

// send replays each of the letters, and keeps in the log which. It ends early only
// with a fault that the next one would meet as well.
func (s *sending) send(ctx context.Context, ids []uint64) error {
	before := len(s.sent)
	err := s.sendAll(ctx, ids)
	if len(s.sent) > before {
		s.app.logChange(s.cfg, "dead letters replayed", s.note, idsOf(s.sent[before:]))
	}
	return err
}

func idsOf(all []*deadletter.Sent) []uint64 {
	ids := make([]uint64, len(all))
	for i, sent := range all {
		ids[i] = sent.ID
	}
	return ids
}

func (s *sending) sendAll(ctx context.Context, ids []uint64) error {
	limit := rate.NewLimiter(rate.Inf, 1)
	if s.rate > 0 {
		limit = rate.NewLimiter(rate.Limit(s.rate), 1)
	}
	s.begin(len(ids), "replaying")
	defer s.end()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sendersAtOnce)
	for _, id := range ids {
		if limit.Wait(ctx) != nil {
			s.stopped = true
			break
		}
		group.Go(func() error { return s.one(ctx, id) })
	}
	if err := group.Wait(); err != nil {
		s.stopped = true
		return err
	}
	if s.stopped {
		return errors.New("interrupted")
	}
	return nil
}

// one replays one letter.
func (s *sending) one(ctx context.Context, id uint64) error {
	ctx, end := s.d.finishing(ctx)
	defer end()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	sent, err := s.d.Replay(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, deadletter.ErrNotFound):
		s.gone++
		if !s.targets.named {
			return s.tell(sentLine{ID: idText(id), Result: "gone"}, false)
		}
		return s.tell(sentLine{ID: idText(id), Result: "gone", Detail: err.Error()}, true)
	case errors.Is(err, deadletter.ErrUnfit), errors.Is(err, deadletter.ErrNoOriginal):
		s.unfit++
		return s.tell(sentLine{ID: idText(id), Result: "failed", Detail: err.Error()}, true)
	case sent == nil:
		return err
	}
	s.sent = append(s.sent, sent)
	line := sentLine{ID: idText(id), Result: "sent", Event: sent.Event}
	switch {
	case err != nil:
		line.Detail = "the letter is still there"
	case sent.Earlier:
		line.Detail = "it had been sent before, and only the letter was left"
	}
	return cmp.Or(err, s.tell(line, err != nil))
}

// sentLine is what was done with a letter.
type sentLine struct {
	ID     string `json:"id"`
	Result string `json:"result"` // sent, gone, failed
	Event  string `json:"event,omitzero"`
	Detail string `json:"detail,omitzero"`
}

// tell prints a line. A person sees a fault in any case, and of many letters nothing
// else.
func (s *sending) tell(line sentLine, fault bool) error {
	if s.bar != nil {
		_ = s.bar.Add(1) // decoration
	}
	if s.flags.json() {
		return writeLine(s.app.stdout, line)
	}
	if s.many(len(s.targets.ids)) && !fault {
		return nil
	}
	s.clear()
	_, err := fmt.Fprintln(s.app.stdout, strings.TrimRight(fmt.Sprintf("%-8s  %-9s  %s", line.ID, line.Result, visible(line.Detail)), " "))
	return err
}

// many reports whether n lines are more than a person wants to see.
func (s *sending) many(n int) bool {
	return n > manyLines && !s.flags.json() && isTerminal(s.app.stdout)
}

// begin shows a progress bar, for people who wait.
func (s *sending) begin(n int, what string) {
	if !isTerminal(s.app.stderr) || n < 2 {
		return
	}
	s.bar = progressbar.NewOptions(n, progressbar.OptionSetWriter(s.app.stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())
}

// clear makes room for a line.
func (s *sending) clear() {
	if s.bar != nil {
		_ = s.bar.Clear() // decoration
	}
}

func (s *sending) end() {
	if s.bar != nil {
		_ = s.bar.Finish() // decoration
		s.bar = nil
	}
}

// sum says how it went; the error is that not all were sent.
func (s *sending) sum() error {
	text := fmt.Sprintf("sent %d of %s in %v", len(s.sent), letters(len(s.targets.ids)), time.Since(s.began).Round(10*time.Millisecond))
	if s.gone > 0 {
		text += fmt.Sprintf(", %d gone already", s.gone)
	}
	if s.unfit > 0 {
		text += fmt.Sprintf(", %d cannot be replayed", s.unfit)
	}
	left := len(s.targets.ids) - len(s.sent) - s.gone - s.unfit
	if left > 0 {
		text += fmt.Sprintf(", %d not sent", left)
		if s.stopped {
			text += "; repeating the command goes on with them"
		}
	}
	s.app.sayf("%s", text)
	if s.unfit > 0 || left > 0 || s.gone > 0 && s.targets.named {
		return errSilent
	}
	return nil
}
