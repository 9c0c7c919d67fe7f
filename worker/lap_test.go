package worker

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linkworker/linkworker/conomy/conomytest"
	"github.com/linkworker/linkworker/worker/testenv"
)

// TestLaps looks at what is measured of an event whose first call fails.
func TestLaps(t *testing.T) {
	t.Parallel()
	testenv.Each(t, func(t *testing.T, env *testenv.Env) {
		w := newWorld(t, env, conomytest.Options{Latency: 30 * time.Millisecond})
		const rest = 500 * time.Millisecond
		w.settings.Retry.Initial, w.settings.Retry.Max = rest, rest
		w.script(conomytest.EndpointCreatePaymentLink, conomytest.Failure(503))
		registry := prometheus.NewRegistry()
		w.start(func(r *running) { r.metrics.laps = newStopwatch(registry) })
		w.invoice("inv-1")
		w.eventually("it is acknowledged", func() bool { return lapTimes(t, registry)["ack"].n == 1 })
		times := lapTimes(t, registry)
		for name, n := range map[string]uint64{
			"decode": 1, "claim": 1, "slot": 2, "note": 2, "call": 2, "record": 1, "publish": 1, "mark": 1, "ack": 1,
		} {
			if times[name].n != n {
				t.Errorf("%s was measured %d times, want %d", name, times[name].n, n)
			}
		}
		if len(times) != int(laps) {
			t.Errorf("%d steps, want %d", len(times), laps)
		}
		if call := times["call"].seconds; call < 0.06 {
			t.Errorf("two calls of 30 ms took %v s", call)
		}
		if slot := times["slot"].seconds; slot > rest.Seconds()*(1-jitter) {
			t.Errorf("the wait for a call slot, where there are enough, took %v s: the rest between two tries is no part of it", slot)
		}
	})
}

type lapTime struct {
	n       uint64
	seconds float64
}

func lapTimes(t *testing.T, registry *prometheus.Registry) map[string]lapTime {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]lapTime{}
	for _, metric := range families[0].GetMetric() {
		h := metric.GetHistogram()
		times[metric.GetLabel()[0].GetValue()] = lapTime{h.GetSampleCount(), h.GetSampleSum()}
	}
	return times
}
