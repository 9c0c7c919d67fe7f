package claim

import (
	"maps"
	"strconv"
	"time"
)

// stored is what lies under a key: a string or a hash.
type stored struct {
	text   string
	fields map[string]string
	left   time.Duration // to live
}

// read reads what lies under the key; nil where nothing does.
func (t *trial) read(key string) *stored {
	kind, err := t.rdb.Type(t.ctx, key).Result()
	t.must(err)
	switch kind {
	case "none":
		return nil
	case "string":
		text, err := t.rdb.Get(t.ctx, key).Result()
		t.must(err)
		return &stored{text: text, left: t.rdb.PTTL(t.ctx, key).Val()}
	}
	fields, err := t.rdb.HGetAll(t.ctx, key).Result()
	t.must(err)
	return &stored{fields: fields, left: t.rdb.PTTL(t.ctx, key).Val()}
}

// write puts it under a key that holds nothing.
func (t *trial) write(key string, s *stored) {
	if s.text != "" {
		t.must(t.rdb.Set(t.ctx, key, s.text, s.left).Err())
		return
	}
	t.must(t.rdb.HSet(t.ctx, key, s.fields).Err())
	t.must(t.rdb.PExpire(t.ctx, key, s.left).Err())
}

// storedTimes are the fields of a hash that are times of Redis's clock.
var storedTimes = []string{"u", "n", "y", "x", "p"}

// packedTimes are where they lie in a string behind BODY, by its kind.
var packedTimes = map[string][]int{"claimed": {28}, "recorded": {28, 41, 54}, "published": {41, 54}}

// earlier is the same with all its times further in the past.
func (s *stored) earlier(d time.Duration) *stored {
	if s.text != "" {
		text := s.text
		fields, _ := unpack(text)
		head := len(packBody(fields["e"], fields["m"], []byte(fields["t"]), 0))
		for _, at := range packedTimes[fields["s"]] {
			at += head
			end := at + timeLength
			if ms, err := strconv.ParseInt(text[at:end], 10, 64); err == nil && ms > 0 {
				text = text[:at] + padded(ms-d.Milliseconds()) + text[end:]
			}
		}
		return &stored{text: text, left: s.left - d}
	}
	fields := maps.Clone(s.fields)
	for _, name := range storedTimes {
		if ms, err := strconv.ParseInt(fields[name], 10, 64); err == nil && ms > 0 {
			fields[name] = strconv.FormatInt(ms-d.Milliseconds(), 10)
		}
	}
	return &stored{fields: fields, left: s.left - d}
}
