package claim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// CheckServer says in what way the Redis server, or any master of a Redis Cluster, cannot be trusted to remember: one that
// evicts keys, or writes none of them to disk. A server that does not tell is trusted. An error means that one could not
// be asked at all.
func CheckServer(ctx context.Context, rdb redis.UniversalClient) (warnings []string, err error) {
	cluster, sharded := rdb.(*redis.ClusterClient)
	if !sharded {
		return checkMaster(ctx, rdb)
	}
	var mu sync.Mutex
	err = cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		met, err := checkMaster(ctx, master)
		mu.Lock()
		defer mu.Unlock()
		for _, warning := range met { // of several masters the same: once
			if !slices.Contains(warnings, warning) {
				warnings = append(warnings, warning)
			}
		}
		return err
	})
	return warnings, err
}

func checkMaster(ctx context.Context, rdb redis.Cmdable) (warnings []string, err error) {
	if err := rdb.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	memory, err := rdb.Info(ctx, "memory").Result()
	if err != nil {
		return nil, nil // managed servers may hide it
	}
	if policy := infoField(memory, "maxmemory_policy"); policy != "" && policy != "noeviction" && infoField(memory, "maxmemory") != "0" {
		warnings = append(warnings, "Redis evicts keys when its memory is full (maxmemory-policy "+policy+
			"): claims would be forgotten; set maxmemory-policy noeviction")
	}
	if persistence, err := rdb.Info(ctx, "persistence").Result(); err == nil && infoField(persistence, "aof_enabled") == "0" {
		warnings = append(warnings, "Redis keeps no append-only file: a restart forgets the claims since its last snapshot; set appendonly yes")
	}
	return warnings, nil
}

// infoField finds a field in the text of INFO, see https://redis.io/docs/latest/commands/info/.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), ":"); found && key == name {
			return value
		}
	}
	return ""
}
