package claim

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Ping reports whether Redis answers and takes writes: a replica, a server that is still loading, or one whose memory is
// full answers a plain PING, and yet no event may be processed on it. Of a Redis Cluster each shard must take them: a
// token may lie on any.
func (s *Store) Ping(ctx context.Context) error {
	keys := []string{s.prefix + ":ping"}
	cluster, sharded := s.client.(*redis.ClusterClient)
	if sharded {
		//lint:ignore SA1019 CLUSTER SHARDS, which is to replace it, needs Redis 7
		shards, err := cluster.ClusterSlots(ctx).Result()
		if err != nil {
			cluster.ReloadState(ctx)
			return fmt.Errorf("claim: ping: %w", err)
		}
		keys = s.pingKeys(shards)
	}
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Set(ctx, key, 1, s.lease)
		}
		return nil
	})
	if err != nil {
		if sharded {
			// Else the client goes on for seconds with masters that are none any more.
			cluster.ReloadState(ctx)
		}
		return fmt.Errorf("claim: ping: %w", err)
	}
	return nil
}

// pingKeys has one key that lies on each shard.
func (s *Store) pingKeys(ranges []redis.ClusterSlot) []string {
	var keys []string
	met := map[string]bool{}
	for _, r := range ranges {
		if len(r.Nodes) > 0 {
			master := r.Nodes[0].ID
			if met[master] {
				continue
			}
			met[master] = true
		}
		keys = append(keys, s.prefix+":ping:{"+tagWithin(r.Start, r.End)+"}")
	}
	return keys
}

// tagWithin finds a hash tag whose slot is from first to last.
func tagWithin(first, last int) string {
	for i := 0; ; i++ {
		tag := strconv.Itoa(i)
		if slot := slotOf(tag); first <= slot && slot <= last || i > slots*slots {
			return tag
		}
	}
}

// slots is how many there are in a Redis Cluster.
const slots = 16384

// slotOf is the slot of a hash tag: CRC-16/XMODEM, see
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model.
func slotOf(tag string) int {
	crc := uint16(0)
	for _, c := range []byte(tag) {
		crc ^= uint16(c) << 8
		for range 8 {
			if carry := crc&0x8000 != 0; carry {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc % slots)
}
