package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/claim"
	"github.com/linkworker/linkworker/worker/deadletter"
)

// prospectLine is what would become of a letter.
type prospectLine struct {
	ID       string              `json:"id"`
	Prospect deadletter.Prospect `json:"prospect"`
	Detail   string              `json:"detail,omitzero"`
}

// foresee says of each letter what a replay would bring. It changes nothing.
func (r *replayer) foresee(ctx context.Context, cfg *config.Config, t *targets) error {
	rdb, err := openRedisReader(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }() // nothing is left to be written
	claims := claim.New(rdb, cfg.Redis.Prefix, cfg.DedupTTL, cfg.ClaimTTL)
	counts := map[deadletter.Prospect]int{}
	gone := 0
	for _, id := range t.ids {
		if ctx.Err() != nil {
			return errors.New("interrupted; nothing was changed")
		}
		forecast, err := r.d.forecast(ctx, claims, id)
		if errors.Is(err, deadletter.ErrNotFound) {
			gone++
			r.app.sayf("%v", err)
			continue
		}
		if err != nil {
			return err
		}
		counts[forecast.Prospect]++
		if err := r.tellProspect(id, forecast); err != nil {
			return err
		}
	}
	var parts []string
	for _, p := range deadletter.Prospects() {
		if counts[p] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[p], p))
		}
	}
	r.app.sayf("of %s: %s; nothing was changed", letters(len(t.ids)-gone), strings.Join(parts, ", "))
	if gone > 0 && t.named {
		return errSilent
	}
	return nil
}

// forecast is the prospect of one letter.
func (d *dlq) forecast(ctx context.Context, claims *claim.Store, id uint64) (*deadletter.Forecast, error) {
	replay, err := d.Prepare(ctx, id)
	if errors.Is(err, deadletter.ErrNoOriginal) || errors.Is(err, deadletter.ErrUnfit) {
		return &deadletter.Forecast{Prospect: deadletter.ProspectLost, Detail: err.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := deadletter.Foresee(ctx, claims, replay)
	if err != nil && strings.Contains(err.Error(), "NOPERM") {
		return nil, fmt.Errorf("%w; %s", err, mendOfRedisRight)
	}
	return f, err
}

func (r *replayer) tellProspect(id uint64, f *deadletter.Forecast) error {
	if r.flags.json() {
		return writeLine(r.app.stdout, prospectLine{idText(id), f.Prospect, f.Detail})
	}
	_, err := fmt.Fprintf(r.app.stdout, "%-8s  %-9s  %s\n", idText(id), f.Prospect, visible(f.Detail))
	return err
}

// openRedisReader connects to Redis for questions alone.
func openRedisReader(ctx context.Context, cfg *config.Config) (redis.UniversalClient, error) {
	options, err := cfg.RedisOptions()
	if err != nil {
		return nil, err
	}
	logging.Disable() // what goes wrong is told by the command
	rdb := redis.NewUniversalClient(options)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := rdb.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(redisError(cfg, err), rdb.Close())
	}
	return rdb, nil
}
