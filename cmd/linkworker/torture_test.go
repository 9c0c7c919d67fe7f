package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/worker/torture"
)

func runTorture(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), append([]string{"torture"}, args...), nil, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// A short trial goes the whole way, and every invariant has something to look at.
func TestTorture(t *testing.T) {
	code, stdout, stderr := runTorture(t, "--events", "60", "--seed", "4", "--workers", "2", "--faults", "kill,flush,hang,leave", "-o", "json")
	if code != exitDone {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	var report torture.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	for _, i := range report.Invariants {
		if i.Checked == 0 || i.Broken != 0 {
			t.Errorf("%+v", i)
		}
	}
	published := report.LeftOut
	for _, n := range report.Events {
		published += n
	}
	if published != 60 {
		t.Errorf("%v and %d left out are not 60 events", report.Events, report.LeftOut)
	}
	for _, fault := range []torture.Fault{torture.Kill, torture.Flush, torture.Hang, torture.Leave} {
		if report.Faults[fault] == 0 {
			t.Errorf("fault %s was not done: %v", fault, report.Faults)
		}
	}
	if report.Results.Told == 0 || report.Results.Links == 0 || len(report.Results.DeadLetters) == 0 {
		t.Errorf("nothing came of it: %+v", report.Results)
	}
}

func TestTortureRefusesWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--faults", "kill,quake"}, {"--events", "0"}, {"--workers", "0"}, {"--every", "0"}, {"-o", "xml"},
		{"--nats-url", "nats://127.0.0.1:4222"}, {"--nats-outage", "true"},
	} {
		if code, _, stderr := runTorture(t, args...); code != exitUsage || stderr == "" {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
}
