package claim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// fieldNames are all fields of a record.
var fieldNames = []string{
	"s", "e", "m", "o", "u", "t", "a", "f", "l", "d", "n", "w", "c", "k", "v", "y", "r", "x", "p", "g", "q",
}

// record is what a record holds, by the names of its fields; nil where there is none.
type record map[string]string

func (r record) bytes(name string) []byte { return answer{r[name]}.bytes(0) }

func (r record) int(name string) int64 { return answer{r[name]}.int(0) }

func (r record) time(name string) time.Time { return fromUnixMilli(r.int(name)) }

// after reports whether the field is a time after now.
func (r record) after(name string, now time.Time) bool { return r.int(name) > now.UnixMilli() }

// maxLooks is how often records are looked at whose form changes meanwhile.
const maxLooks = 5

// look reads the records under the keys, strings and hashes. It needs no right but to read.
func (s *Store) look(ctx context.Context, keys ...string) (records []record, err error) {
	for range maxLooks {
		if records, err = s.lookOnce(ctx, keys); !redis.HasErrorPrefix(err, "WRONGTYPE") {
			break
		}
	}
	return records, err
}

func (s *Store) lookOnce(ctx context.Context, keys []string) ([]record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	kinds := make([]*redis.StatusCmd, len(keys))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			kinds[i] = p.Type(ctx, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	cmds, lives := make([]redis.Cmder, len(keys)), make([]*redis.DurationCmd, len(keys))
	var clock *redis.TimeCmd
	// Errors stand in each command, too: nil for one that is gone by now.
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		clock = p.Time(ctx)
		for i, key := range keys {
			if kinds[i].Val() == "string" {
				cmds[i], lives[i] = p.Get(ctx, key), p.PTTL(ctx, key)
			} else { // a key that is not there is an empty hash
				cmds[i] = p.HMGet(ctx, key, fieldNames...)
			}
		}
		return nil
	})
	records := make([]record, len(keys))
	for i, cmd := range cmds {
		if records[i], err = readRecord(cmd); err != nil {
			return nil, err
		}
		if err := records[i].settle(clock, lives[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// settle finds when the lease ends, where that is told by what the key has left to live: see packed.go.
func (r record) settle(clock *redis.TimeCmd, life *redis.DurationCmd) error {
	if life == nil || !strings.HasPrefix(r["u"], "-") {
		return nil
	}
	if err := cmp.Or(clock.Err(), life.Err()); err != nil {
		return err
	}
	until := clock.Val().Add(life.Val()).UnixMilli() + r.int("u")
	r["u"] = strconv.FormatInt(until, 10)
	return nil
}

// readRecord reads the answer to GET or HMGET.
func readRecord(cmd redis.Cmder) (record, error) {
	if err := cmd.Err(); errors.Is(err, redis.Nil) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	switch cmd := cmd.(type) {
	case *redis.StringCmd:
		fields, ours := unpack(cmd.Val())
		if !ours {
			return nil, fmt.Errorf("the key %q holds no record of a claim", cmd.Args()[1])
		}
		return fields, nil
	case *redis.SliceCmd:
		var r record
		for i, v := range cmd.Val() {
			if text, there := v.(string); there {
				if r == nil {
					r = record{}
				}
				r[fieldNames[i]] = text
			}
		}
		return r, nil
	}
	return nil, nil
}
