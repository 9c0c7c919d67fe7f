package worker

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// sharedRate returns the turnstile's permit for perSecond calls a second over all workers that share the Redis and the
// prefix; nil for no limit. A tenth of a second's calls may come at once, so that the limit is met and yet not passed by
// much in any second.
func sharedRate(rdb redis.UniversalClient, prefix string, perSecond float64) func(context.Context) (time.Duration, error) {
	if perSecond <= 0 {
		return nil
	}
	limiter := redis_rate.NewLimiter(unprefixed{rdb})
	// The library counts whole calls: a minute's worth of them lets a rate have a fraction.
	limit := redis_rate.Limit{
		Rate: max(1, int(math.Round(perSecond*60))), Burst: max(1, int(perSecond/10)), Period: time.Minute,
	}
	key := prefix + ":rate"
	return func(ctx context.Context) (time.Duration, error) {
		res, err := limiter.Allow(ctx, key, limit)
		if err != nil {
			return 0, fmt.Errorf("rate limit: %w", err)
		}
		if res.Allowed > 0 {
			return 0, nil
		}
		return max(time.Millisecond, res.RetryAfter), nil
	}
}

// unprefixed takes away the prefix that redis_rate puts before each key: all our keys begin with ours, so that one
// pattern in a Redis access list covers them.
type unprefixed struct{ redis.UniversalClient }

const rateLibraryPrefix = "rate:"

func bare(keys []string) []string {
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i] = strings.TrimPrefix(key, rateLibraryPrefix)
	}
	return out
}

func (u unprefixed) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return u.UniversalClient.Eval(ctx, script, bare(keys), args...)
}

func (u unprefixed) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return u.UniversalClient.EvalSha(ctx, sha, bare(keys), args...)
}
