package conomytest_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linkworker/linkworker/conomy/conomytest"
)

func TestTokensExpire(t *testing.T) {
	c := &clock{time.Now()}
	box, client, url := start(t, conomytest.Options{
		TokenTTL: time.Minute, Now: c.Now, APIKey: "key", ClientID: "id", ClientSecret: "secret",
	})
	if err := client.Authenticate(ctx); err != nil {
		t.Fatal(err)
	}
	list := raw{method: "GET", url: url + "/payment-links"}
	_, _, got := raw{method: "POST", url: url + "/auth", body: `{"clientId":"id","clientSecret":"secret"}`}.do(t)
	token, _, ok := strings.Cut(strings.TrimPrefix(got, `{"accessToken":"`), `"`)
	if !ok || !strings.Contains(got, `"expiresIn":60,"tokenType":"Bearer"`) {
		t.Fatal(got)
	}
	list.header = map[string]string{"Authorization": "Bearer " + token}
	list.wantCode(t, 200, "")
	c.now = c.now.Add(time.Minute)
	list.wantCode(t, 401, "41")

	for _, b := range []string{`{"clientId":"id","clientSecret":"x"}`, `{"clientId":"x","clientSecret":"secret"}`} {
		raw{method: "POST", url: url + "/auth", body: b}.wantCode(t, 401, "41")
	}
	raw{method: "POST", url: url + "/auth", body: `{"clientId":"id"}`}.wantCode(t, 400, "12")
	raw{method: "POST", url: url + "/auth", body: `{"clientId":"id","clientSecret":7}`}.wantCode(t, 400, "11")

	box.SetCredentials("key", "id", "rotated")
	raw{method: "POST", url: url + "/auth", body: `{"clientId":"id","clientSecret":"secret"}`}.wantCode(t, 401, "41")
	raw{method: "POST", url: url + "/auth", body: `{"clientId":"id","clientSecret":"rotated"}`}.wantCode(t, 200, "")
}

func TestRateLimit(t *testing.T) {
	c := &clock{time.Date(2026, 5, 18, 10, 0, 0, 0, time.UTC)}
	_, _, url := start(t, conomytest.Options{AccessToken: "own", RateLimit: 2, Now: c.Now})
	list := raw{method: "GET", url: url + "/payment-links"}
	list.wantCode(t, 200, "")
	list.wantCode(t, 200, "")
	list.wantCode(t, 429, "32")
	_, header, _ := list.do(t)
	reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
	if header.Get("Retry-After") != "1" || err != nil || reset <= c.now.Unix() {
		t.Errorf("got %v", header)
	}
	raw{method: "POST", url: url + "/auth", body: `{"clientId":"id","clientSecret":"s"}`}.wantCode(t, 200, "")
	c.now = c.now.Add(time.Second)
	list.wantCode(t, 200, "")
}

func TestFailRate(t *testing.T) {
	run := func(seed uint64) (failed []int, links int) {
		box, client, _ := start(t, conomytest.Options{FailRate: 0.5, Seed: seed})
		for i := range 40 {
			if _, err := client.CreatePaymentLink(ctx, request(fmt.Sprint("t-", i))); err != nil {
				wantCode(t, err, 500, "01")
				failed = append(failed, i)
			}
		}
		return failed, len(box.Links())
	}
	first, links := run(1)
	if n := len(first); n < 10 || n > 30 || links != 40-n+n/2 {
		t.Errorf("%d failed, %d links", n, links)
	}
	if again, _ := run(1); !slices.Equal(first, again) {
		t.Errorf("the same seed gave %v and %v", first, again)
	}
	if other, _ := run(2); slices.Equal(first, other) {
		t.Error("another seed gave the same")
	}
}
