package claim

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// The vectors are those of the specification of Redis Cluster, and of CLUSTER KEYSLOT.
func TestSlotOf(t *testing.T) {
	for tag, want := range map[string]int{"123456789": 0x31c3, "foo": 12182, "hello": 866, "": 0} {
		if got := slotOf(tag); got != want {
			t.Errorf("slot of %q is %d, want %d", tag, got, want)
		}
	}
}

func TestPingKeysLieOnEachShard(t *testing.T) {
	s := New(nil, "test", time.Hour, time.Second)
	var ranges []redis.ClusterSlot
	for i, bounds := range [][2]int{{0, 99}, {100, 100}, {101, 9000}, {9001, 9001}, {9002, 16383}} {
		ranges = append(ranges, redis.ClusterSlot{
			Start: bounds[0], End: bounds[1], Nodes: []redis.ClusterNode{{ID: strconv.Itoa(i % 4)}, {ID: "replica"}},
		})
	}
	keys := s.pingKeys(ranges)
	if len(keys) != 4 { // the last range is on the first one's shard
		t.Fatalf("keys %q", keys)
	}
	for i, key := range keys {
		tag := strings.TrimSuffix(strings.TrimPrefix(key, "test:ping:{"), "}")
		if slot := slotOf(tag); slot < ranges[i].Start || slot > ranges[i].End {
			t.Errorf("key %q lies in slot %d, not on shard %d", key, slot, i)
		}
	}
}

func TestPingOfACluster(t *testing.T) {
	server := miniredis.RunT(t)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr()}, MaxRedirects: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	s := New(rdb, "test", time.Hour, time.Second)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := server.Keys(); !slices.Equal(keys, []string{"test:ping:{0}"}) {
		t.Errorf("keys %q", keys)
	}
	server.SetError("CLUSTERDOWN Hash slot not served")
	if err := s.Ping(t.Context()); err == nil || Refused(err) {
		t.Errorf("ping: %v", err)
	}
}

// A server that has just become the master knows no script, and nothing of the lease is lost by that.
func TestRenewAllOnAServerWithoutScripts(t *testing.T) {
	server := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	s := New(rdb, "test", time.Hour, 10*time.Second)
	ctx := context.Background()
	var claims []*Claim
	for _, token := range []string{"a", "b", "c"} {
		res, err := s.Take(ctx, Request{Token: token, Event: "event-" + token})
		if err != nil || res.Outcome != OutcomeTaken {
			t.Fatal(res, err)
		}
		claims = append(claims, res.Claim)
	}
	server.Del(claims[1].records[0])
	for range 2 {
		if err := rdb.ScriptFlush(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		errs := s.RenewAll(ctx, claims)
		if errs[0] != nil || errs[1] != ErrLost || errs[2] != nil {
			t.Errorf("renewals: %v", errs)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, refused := range map[string]bool{
		"WRONGTYPE Operation against a key holding the wrong kind of value":                                      true,
		"ERR value is not an integer":                                                                            true,
		"ERR max number of clients reached":                                                                      false,
		"READONLY You can't write against a read only replica.":                                                  false,
		"LOADING Redis is loading the dataset in memory":                                                         false,
		"MASTERDOWN Link with MASTER is down":                                                                    false,
		"CLUSTERDOWN Hash slot not served":                                                                       false,
		"NOREPLICAS Not enough good replicas to write.":                                                          false,
		"TRYAGAIN Multiple keys request during rehashing of slot":                                                false,
		"MOVED 3999 127.0.0.1:6381":                                                                              false,
		"ERR Error running script (call to f_1): @user_script:1: -NOREPLICAS Not enough good replicas to write.": false,
		"ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write":                      false,
	} {
		if got := Refused(answered(text)); got != refused {
			t.Errorf("refused %t: %s", got, text)
		}
	}
}

// answered is an error that Redis answers.
type answered string

func (e answered) Error() string { return string(e) }
func (answered) RedisError()     {}
