package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/events"
	"github.com/linkworker/linkworker/worker/bench"
	"github.com/linkworker/linkworker/worker/embedded"
)

// small is a measurement that says nothing, but goes the whole way.
var small = []string{"bench", "--events", "200", "--rounds", "1", "--rate", "0", "-o", "json"}

func runBench(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, nil, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestBenchMeasuresWorkerAndRoofline(t *testing.T) {
	code, stdout, stderr := runBench(t, append(small, "--latency", "0,5ms", "--rate", "100", "--rate-for", "1s")...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var report bench.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Throughput) != 2 || report.Latency == nil {
		t.Fatalf("not all was measured: %s", stdout)
	}
	names := []string{bench.NameRoofline, bench.NameWorker}
	for _, at := range report.Throughput {
		for i, c := range at.Contenders {
			m := c.Median
			if c.Name != names[i] || len(c.Rounds) != 1 || m.Events != 200 || m.PerSecond <= 0 || m.FirstLink <= 0 || m.Allocs <= 0 || c.Ratio <= 0 {
				t.Errorf("vendor %v: %+v", at.VendorLatency, c)
			}
			if at.Limit > 0 && m.PerSecond > 1.3*at.Limit { // a short backlog begins with a burst
				t.Errorf("%s made %.0f links a second, and the vendor can %.0f", c.Name, m.PerSecond, at.Limit)
			}
		}
		for _, step := range []string{"decode", "claim", "call", "record", "publish", "mark"} {
			if at.Contenders[1].Median.Steps[step] <= 0 {
				t.Errorf("vendor %v: no time in step %s", at.VendorLatency, step)
			}
		}
		if call := at.Contenders[1].Median.Steps["call"]; call < at.VendorLatency {
			t.Errorf("a call took %v, the vendor takes %v", call, at.VendorLatency)
		}
	}
	for _, c := range report.Latency.Contenders {
		if m := c.Median; m.Events != 100 || m.P50 <= 0 || m.P50 > m.P90 || m.P90 > m.P99 {
			t.Errorf("latencies of %s: %+v", c.Name, m)
		}
	}
}

// Any command that does the work is measured beside the two.
func TestBenchPeer(t *testing.T) {
	program, err := exec.LookPath("linkworker")
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runBench(t, "bench", "--events", "200", "--rounds", "1", "--latency", "0,5ms", "--rate", "0",
		"--peer", "other="+program+" part roofline", "-o", "markdown")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	want := regexp.MustCompile(`^\| \| vendor instant \| vendor 5ms \| CPU \| memory \|
\| --- \| --- \| --- \| --- \| --- \|
\| roofline \| [\d,]+ \| [\d,]+ \| [\d.]+ \| \d+ MiB \|
\| linkworker (\| [\d,]+( \([\d.]+\))? ){2}\| [\d.]+ \([\d.]+\) \| \d+ MiB \|
\| other (\| [\d,]+( \([\d.]+\))? ){2}\| [\d.]+( \([\d.]+\))? \| \d+ MiB \|
\| calls at once / latency \|  \| 12,800 \| \| \|
$`)
	if !want.MatchString(stdout) {
		t.Errorf("printed\n%s", stdout)
	}
}

// A peer that does not do the work brings no figures, and its own words.
func TestBenchPeerThatFails(t *testing.T) {
	code, stdout, stderr := runBench(t, "bench", "--events", "2", "--rounds", "1", "--latency", "0", "--rate", "0", "--peer", "bad=sh -c exit")
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "bad ended early") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

// given are servers of a user.
func given(t *testing.T) (flags []string, js jetstream.JetStream, rdb *redis.Client) {
	t.Helper()
	s, err := startServer(t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(s) })
	r, err := embedded.StartRedis(embedded.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	options, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	rdb = redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	return []string{"--given", "--nats-url", s.ClientURL(), "--redis-url", r.URL()}, js, rdb
}

// On servers of the user nothing is left behind, and what is not the measurement's stays.
func TestBenchOnGivenServers(t *testing.T) {
	flags, js, rdb := given(t)
	if err := rdb.Set(t.Context(), "linkworker:theirs", "kept", 0).Err(); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runBench(t, slices.Concat(small, []string{"--latency", "0"}, flags)...)
	if code != exitDone || !strings.Contains(stdout, `"redis": "given"`) {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	for _, name := range []string{events.StreamBilling, events.StreamLinks, events.StreamDeadLetters} {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if n := stream.CachedInfo().State.Msgs; n != 0 {
			t.Errorf("%s holds %d messages", name, n)
		}
	}
	if keys, err := rdb.Keys(t.Context(), "*").Result(); err != nil || !slices.Equal(keys, []string{"linkworker:theirs"}) {
		t.Errorf("Redis holds %v, error %v", keys, err)
	}
}

func TestBenchRefusesServersInUse(t *testing.T) {
	flags, js, _ := given(t)
	if err := makeStream(js.Conn(), events.StreamBilling); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), events.SubjectInvoiceIssued, []byte("somebody's")); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runBench(t, append(small, flags...)...)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "stream BILLING holds 1 messages") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	stream, err := js.Stream(t.Context(), events.StreamBilling)
	if err != nil || stream.CachedInfo().State.Msgs != 1 {
		t.Errorf("the message is gone; error %v", err)
	}
}

// Without --given nobody's streams are touched: an address alone is a mistake.
func TestBenchUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--nats-url", "nats://127.0.0.1:1"}, {"--events", "1"}, {"--rounds", "0"}, {"--latency", "-1s"}, {"--rate", "NaN"}, {"-o", "xml"},
		{"speed"}, {"all", "speed"}, {"sessions", "--rate", "0"}, {"latency", "-o", "markdown"}, {"--backlog", "0"}, {"--replicas", "0"},
		{"--replicas", "1,100"}, {"--duplicates", "100"}, {"--grow", "1"}, {"--latency", "11s"}, {"--rate-for", "1ms"},
		{"--peer", "sh"}, {"--peer", "a="}, {"--peer", "roofline=sh"}, {"--peer", "a=sh", "--peer", "a=sh"}, {"--peer", "a=/nowhere/x"},
	} {
		if code, stdout, stderr := runBench(t, append([]string{"bench"}, args...)...); code != exitUsage || stdout != "" {
			t.Errorf("%v: exit code %d: %s%s", args, code, stdout, stderr)
		}
	}
}
