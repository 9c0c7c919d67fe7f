package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// redisHolds is how many bytes Redis holds, all masters of a cluster together; zero where it does not say, as the one inside
// the program.
func (b *bench) redisHolds(ctx context.Context) (int64, error) {
	if cluster, ok := b.servers.Redis.(*redis.ClusterClient); ok {
		var sum atomic.Int64
		err := cluster.ForEachMaster(ctx, func(ctx context.Context, r *redis.Client) error {
			n, err := holds(ctx, r)
			sum.Add(n)
			return err
		})
		return sum.Load(), err
	}
	return holds(ctx, b.servers.Redis)
}

func holds(ctx context.Context, r redis.Cmdable) (int64, error) {
	const section = "Memory"
	info, err := r.InfoMap(ctx, section).Result()
	var refused redis.Error
	switch {
	case errors.As(err, &refused):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("memory of Redis: %w", err)
	}
	n, _ := strconv.ParseInt(info[section]["used_memory"], 10, 64) // nothing where it does not say
	return n, nil
}
