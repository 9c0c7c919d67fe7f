package claim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linkworker/linkworker/worker/testenv"
)

// form checks what lies under the key of the token's link, and its fields.
func (p *past) form(env *testenv.Env, kind string, want record) {
	p.t.Helper()
	key := p.key("t/1", "link")
	if got := env.Redis(p.t).Type(p.ctx, key).Val(); got != kind {
		p.t.Fatalf("a %s, want a %s", got, kind)
	}
	records, err := p.look(p.ctx, key)
	p.must(err)
	for name, value := range want {
		if got := records[0][name]; got != value {
			p.t.Errorf("field %s is %q, want %q", name, got, value)
		}
	}
	if left := env.Redis(p.t).PTTL(p.ctx, key).Val(); left < p.ttl-time.Minute || left > p.keepFor() {
		p.t.Errorf("it is kept for %v", left)
	}
}

func TestARecordThatGoesWellIsAString(t *testing.T) {
	for _, r := range []Request{original(1), {Event: "BILLING.1.17.1", Message: message(5)}, {Event: "odd 1:2", Message: ""}} {
		eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
			c := p.take(r, OutcomeTaken)
			want := record{"s": "claimed", "e": r.Event, "m": r.Message, "t": "{}", "o": c.owner, "c": "0"}
			p.form(env, "string", want)
			p.must(c.Begin(p.ctx))
			p.must(c.Renew(p.ctx))
			want["c"] = "1"
			p.form(env, "string", want)
			perishes := time.Now().Add(time.Minute)
			p.must(c.Record(p.ctx, []byte("3:a,"), perishes))
			want["s"], want["r"], want["p"], want["c"] = "recorded", "3:a,", fmt.Sprint(perishes.UnixMilli()), "0"
			p.form(env, "string", want)
			p.must(c.Record(p.ctx, []byte("another"), time.Time{}))
			p.must(c.Renew(p.ctx))
			p.form(env, "string", want)
			c.Told = 1 << 63
			for range 2 {
				p.must(c.Publish(p.ctx))
				want["s"], want["q"], want["o"], want["c"] = "published", fmt.Sprint(uint64(1)<<63), "", ""
				p.form(env, "string", want)
			}
		})
	}
}

func TestWhatGoesWrongIsAHashUntilItIsPublished(t *testing.T) {
	eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
		c := p.take(original(1), OutcomeTaken)
		p.must(c.Begin(p.ctx))
		p.must(c.Fail(p.ctx, 0, true))
		want := record{"s": "claimed", "e": name(1), "m": message(1), "t": "{}", "o": c.owner, "c": ""}
		p.form(env, "hash", want)
		p.publish(c, 31)
		p.form(env, "string", record{"s": "published", "e": name(1), "m": message(1), "t": "{}", "q": "31", "p": "0000000000000"})
	})
}

// Times that a string cannot hold are brought to the nearest that it can: a far one never comes, an early one is not known.
func TestTimesOfAString(t *testing.T) {
	for ms, want := range map[int64]string{
		0: "0000000000000", -5: "0000000000000", 1_764_000_000_000: "1764000000000", 253_402_300_799_999: "9999999999999",
	} {
		if got := padded(ms); got != want {
			t.Errorf("%d: %s, want %s", ms, got, want)
		}
	}
}

// What others have written under the key of a record stays as it is, and is an error.
func TestAStringThatIsNoRecord(t *testing.T) {
	for _, foreign := range []string{
		"x", "c", "c1", "claim", "5", ":", "1:", "-1:", "1:a", "1:a0:0:", "1:a0:0:c", "1:a0:0:c0" + strings.Repeat("0", headLength-3),
		"1:a0:0:x0" + strings.Repeat("0", headLength), "1:a0:0:cx" + strings.Repeat("0", headLength), strings.Repeat("c0", 40),
	} {
		eachPast(t, func(t *testing.T, p *past, env *testenv.Env) {
			key := p.key("t/1", "link")
			p.must(env.Redis(t).Set(p.ctx, key, foreign, time.Hour).Err())
			r := original(1)
			r.Token = "t/1"
			if res, err := p.Take(p.ctx, r); !Refused(err) {
				t.Errorf("%q: %+v, error %v", foreign, res, err)
			}
			if _, err := p.Recall(p.ctx, "t/1"); err == nil || !strings.Contains(err.Error(), key) {
				t.Errorf("%q: error %v", foreign, err)
			}
			if got := env.Redis(t).Get(p.ctx, key).Val(); got != foreign {
				t.Errorf("%q has become %q", foreign, got)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	body := string(packBody("BILLING.7.17.0", "BILLING.7", []byte("{}"), 0))
	held := padded(1_764_000_000_000)
	f.Add(body + "c0" + newOwner() + held + untimed)
	f.Add(string(packClaim([]byte(body), true, newOwner(), time.Hour, 7)))
	f.Add(body + "r1" + newOwner() + held + padded(1) + padded(2) + "answer")
	f.Add(body + "p0" + sequence(31) + held + padded(1) + padded(2) + "answer  ")
	f.Add("99999999999999999999:31" + body + "p0" + sequence(1<<63) + held + padded(1) + padded(2))
	f.Add("-1:" + body + "c0" + newOwner() + held + untimed)
	f.Fuzz(func(t *testing.T, v string) {
		fields, ours := unpack(v)
		if !ours {
			return
		}
		for name, value := range fields {
			if name != "s" && !strings.Contains(v, value) {
				t.Errorf("field %s of %q is %q", name, v, value)
			}
		}
		for _, name := range []string{"s", "e", "m", "t"} {
			if _, there := fields[name]; !there {
				t.Errorf("%q has no field %s", v, name)
			}
		}
	})
}
